"""Complete what a client asked for into a frozen configuration."""

from __future__ import annotations

from dataclasses import dataclass, replace

from locution_common.errors import Reason, Refused
from locution_speech.asr import DecodeMode, Task
from locution_speech.capabilities import Capabilities
from locution_speech.languages import AUTO

from locution_gateway.jobs.config import DiarizationConfig, JobConfig, JobRequestConfig
from locution_gateway.jobs.fill import Origin, fill
from locution_gateway.jobs.models import JobWarning, WarningCode
from locution_gateway.media.models import ChannelMode
from locution_gateway.models.models import ModelKind, ResolvedModel
from locution_gateway.models.ports import ModelResolver

BEAM_SIZE = 5


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration, and what it does otherwise than asked."""

    config: JobConfig
    warnings: tuple[JobWarning, ...]


class Configure:
    """Resolves models, checks every option against what they can do, and fills the rest with defaults."""

    def __init__(self, models: ModelResolver) -> None:
        self._models = models

    async def run(self, asked: JobRequestConfig, origins: dict[str, str] | None = None) -> Configured:
        """Return the configuration. Raises the MODEL errors, and OPTION_UNSUPPORTED naming the field.

        `origins` say who chose each field, the request alone when absent. A model of somebody's defaults that may not
        be used falls back to the registry's, with a warning; a model of the request does not.
        """
        origins = fill(asked, JobRequestConfig(), JobRequestConfig()).origins if origins is None else origins
        _check_combinations(asked)
        asr = await self._resolve(ModelKind.ASR, asked.asr_model, origins["asr_model"])
        _check_speech(asked, asr)
        diarization, warnings = await self._diarization(asked, origins)
        config = JobConfig(
            language=_language(asked, asr.capabilities),
            task=asked.task or Task.TRANSCRIBE,
            asr_model=asr.choice,
            beam_size=asked.beam_size or BEAM_SIZE,
            word_times=asr.capabilities.word_times if asked.word_times is None else asked.word_times,
            max_temperature=asked.max_temperature or 0.0,
            channel_mode=asked.channel_mode or ChannelMode.MIX,
            language_candidates=asked.language_candidates,
            prompt=asked.prompt or "",
            hotwords=asked.hotwords,
            decode_mode=asked.decode_mode or (DecodeMode.FAST if asr.fast_allowed else DecodeMode.ACCURATE),
            diarization=diarization,
            audio_format=asked.audio_format,
            retention=asked.retention,
            origins=origins,
        )
        return Configured(config, (*_fallback(asr), *warnings))

    async def _resolve(self, kind: ModelKind, choice: str | None, origin: str) -> ResolvedModel:
        try:
            return await self._models.resolve(kind, choice)
        except Refused as error:
            gone = error.reason in (Reason.MODEL_NOT_FOUND, Reason.MODEL_NOT_USABLE)
            if not gone or choice is None or origin == Origin.REQUEST:
                raise
            found = await self._models.resolve(kind, None)
            return replace(found, fallback=f"{choice}, the default of the {origin}, may not be used: {error.message}")

    async def _diarization(
        self, asked: JobRequestConfig, origins: dict[str, str]
    ) -> tuple[DiarizationConfig | None, tuple[JobWarning, ...]]:
        wish = asked.diarization
        if not _wants_diarization(asked):
            return None, ()
        try:
            found = await self._resolve(ModelKind.DIARIZATION, wish.model, origins["diarization.model"])
        except Refused as error:
            none = error.reason in (Reason.MODEL_NONE_USABLE, Reason.MODEL_NOT_USABLE)
            if not none or (wish.model is not None and origins["diarization.model"] == Origin.REQUEST):
                raise
            return None, (JobWarning(WarningCode.DIARIZATION_UNAVAILABLE, error.message, error.reason),)
        counts = (wish.speaker_count, wish.min_speaker_count, wish.max_speaker_count)
        if any(count is not None for count in counts) and not found.capabilities.speaker_counts:
            raise _unsupported("diarization", f"{found.choice.path} takes no speaker counts")
        return DiarizationConfig(found.choice, *counts), _fallback(found)


def _wants_diarization(asked: JobRequestConfig) -> bool:
    """Tell whether speakers are told apart: by default, unless channels or a lack of word times exclude it."""
    if asked.diarization.enabled is not None:
        return asked.diarization.enabled
    wish = asked.diarization
    counts = (wish.speaker_count, wish.min_speaker_count, wish.max_speaker_count)
    named = any((wish.model, *counts, wish.identify_voices, wish.voices))
    return named or (asked.channel_mode is not ChannelMode.SEPARATE and asked.word_times is not False)


def _check_combinations(asked: JobRequestConfig) -> None:
    if asked.channel_mode is ChannelMode.SEPARATE and _wants_diarization(asked):
        raise _unsupported("diarization", "separate channels tell speakers apart already: diarization must be off")
    if asked.word_times is False and _wants_diarization(asked):
        raise _unsupported("word_times", "diarization needs the times of words")
    if asked.language_candidates and asked.language not in (None, AUTO):
        raise _unsupported("language_candidates", "candidates are for the language auto")


def _check_speech(asked: JobRequestConfig, asr: ResolvedModel) -> None:
    can, path = asr.capabilities, asr.choice.path
    if asked.task is Task.TRANSLATE and not can.translation:
        raise _unsupported("task", f"{path} does not translate")
    if asked.word_times and not can.word_times:
        raise _unsupported("word_times", f"{path} gives no times of words")
    if not can.word_times and _wants_diarization(asked):
        raise _unsupported("diarization", f"{path} gives no times of words, which diarization needs")
    if (asked.prompt or asked.hotwords) and not can.prompt:
        raise _unsupported("prompt" if asked.prompt else "hotwords", f"{path} takes no prompt and no hotwords")
    if asked.decode_mode is DecodeMode.FAST and not asr.fast_allowed:
        raise _unsupported("decode_mode", f"{path} has no passing qualification of its fast mode")
    _check_languages(asked, can, path)


def _check_languages(asked: JobRequestConfig, can: Capabilities, path: str) -> None:
    named = {"language": [asked.language] if asked.language not in (None, AUTO) else []}
    named["language_candidates"] = list(asked.language_candidates)
    for field, languages in named.items():
        for language in languages:
            if language is not None and not can.knows(language):
                raise _unsupported(field, f"{path} does not know the language {language}")


def _language(asked: JobRequestConfig, can: Capabilities) -> str:
    """Return the language; a model of one language needs not detect it."""
    if asked.language not in (None, AUTO):
        return asked.language or AUTO
    return next(iter(can.languages)) if len(can.languages) == 1 else AUTO


def _fallback(model: ResolvedModel) -> tuple[JobWarning, ...]:
    return () if model.fallback is None else (JobWarning(WarningCode.MODEL_FALLBACK, model.fallback),)


def _unsupported(field: str, message: str) -> Refused:
    return Refused(Reason.OPTION_UNSUPPORTED, message, field=f"job.config.{field}")

"""Complete a client's options to a frozen configuration.

Unset options come from the caller's preferences, else from the tenant's settings, else from the server.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Any, Final

from locution_common.errors import Reason, Refused
from locution_speech.asr import DecodeMode, Task
from locution_speech.capabilities import Match
from locution_speech.languages import AUTO, UnknownLanguage, read

from locution_gateway.jobs.config import DiarizationConfig, DiarizationRequest, JobConfig, JobRequestConfig
from locution_gateway.jobs.models import JobWarning, WarningCode
from locution_gateway.media.models import ALL_TRACKS, ChannelMode
from locution_gateway.models.languages import matched
from locution_gateway.models.models import ModelKind, ResolvedModel
from locution_gateway.models.ports import ModelResolver

BEAM_SIZE: Final = 5
OWN: Final = ("prompt", "hotwords", "audio_format", "track")
"""Options that belong to one recording and have no default."""
COUNTS: Final = ("speaker_count", "min_speaker_count", "max_speaker_count")


class Origin(StrEnum):
    """The origin of a value."""

    REQUEST = "request"
    USER = "user"
    TENANT = "tenant"
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Filled:
    """A completed request; the origin of each field by its name, "server" for those still unset."""

    config: JobRequestConfig
    origins: dict[str, str]


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration, and warnings about what it does differently than requested."""

    config: JobConfig
    warnings: tuple[JobWarning, ...]


class Configure:
    """Resolves models, checks every option against their capabilities, and fills in the remaining defaults."""

    def __init__(self, models: ModelResolver) -> None:
        self._models = models

    async def run(self, asked: JobRequestConfig, origins: dict[str, str] | None = None) -> Configured:
        """Return the configuration. Refuses with the MODEL reasons, and with OPTION_UNSUPPORTED naming the field.

        `origins` states the origin of each field; when absent, all come from the request. If a registered model is not
        usable, the registry's choice replaces it with a warning.
        """
        origins = fill(asked, JobRequestConfig(), JobRequestConfig()).origins if origins is None else origins
        asked = _with_tracks_apart(asked)
        _check_combinations(asked)
        asr = await self._resolve(ModelKind.ASR, asked.asr_model, origins["asr_model"])
        _check_speech(asked, asr)
        language, candidates, regions = _languages(asked, asr)
        diarization, warnings = await self._diarization(asked, origins)
        config = JobConfig(
            language=language,
            task=asked.task or Task.TRANSCRIBE,
            asr_model=asr.choice,
            beam_size=asked.beam_size or BEAM_SIZE,
            word_times=asr.capabilities.word_times if asked.word_times is None else asked.word_times,
            max_temperature=asked.max_temperature or 0.0,
            channel_mode=asked.channel_mode or ChannelMode.MIX,
            language_candidates=candidates,
            prompt=asked.prompt or "",
            hotwords=asked.hotwords,
            decode_mode=asked.decode_mode or (DecodeMode.FAST if asr.fast_allowed else DecodeMode.ACCURATE),
            diarization=diarization,
            audio_format=asked.audio_format,
            retention=asked.retention,
            track=asked.track or "",
            origins=origins,
        )
        return Configured(config, (*_fallback(asr), *regions, *warnings))

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
    """Tell whether diarization is on: it is the default unless separate channels or missing word times exclude it."""
    if asked.diarization.enabled is not None:
        return asked.diarization.enabled
    wish = asked.diarization
    counts = (wish.speaker_count, wish.min_speaker_count, wish.max_speaker_count)
    named = any((wish.model, *counts, wish.identify_voices, wish.voices))
    return named or (asked.channel_mode is not ChannelMode.SEPARATE and asked.word_times is not False)


def _with_tracks_apart(asked: JobRequestConfig) -> JobRequestConfig:
    """Separate the channels of a request for all tracks, which are its channels."""
    if asked.track == ALL_TRACKS and asked.channel_mode is None:
        return replace(asked, channel_mode=ChannelMode.SEPARATE)
    return asked


def _check_track(track: str | None) -> None:
    if track is None or track == ALL_TRACKS or track.isdigit():
        return
    try:
        read(track)
    except UnknownLanguage:
        message = f"{track} names no audio track. Use a number from 0, a language code or {ALL_TRACKS}"
        raise Refused(Reason.INVALID_REQUEST, message, field="job.config.track") from None


def _check_combinations(asked: JobRequestConfig) -> None:
    _check_track(asked.track)
    if asked.track == ALL_TRACKS and asked.channel_mode is not ChannelMode.SEPARATE:
        raise _unsupported("channel_mode", "all tracks are transcribed separately: they cannot be mixed")
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


def _languages(asked: JobRequestConfig, asr: ResolvedModel) -> tuple[str, tuple[str, ...], tuple[JobWarning, ...]]:
    """Return the model's own tags of the language and of the candidates; a monolingual model needs no detection."""
    candidates = {each: _matched(asr, each, "language_candidates") for each in asked.language_candidates}
    known, told, named = asr.capabilities.languages, asked.language, {}
    language = known[0] if len(known) == 1 else AUTO
    if told is not None and told != AUTO:
        named = {told: _matched(asr, told, "language")}
        language = named[told].language
    tags = tuple(dict.fromkeys(each.language for each in candidates.values()))
    return language, tags, _regions(asr, named | candidates)


def _matched(asr: ResolvedModel, language: str, field: str) -> Match:
    return matched(asr, language, f"job.config.{field}")


def _regions(asr: ResolvedModel, found: dict[str, Match]) -> tuple[JobWarning, ...]:
    taken = ", ".join(f"{text} as {each.language}" for text, each in found.items() if each.ignored)
    if not taken:
        return ()
    message = f"{asr.choice.path} does not tell regional forms apart; it takes {taken}"
    return (JobWarning(WarningCode.LANGUAGE_REGION_IGNORED, message),)


def _fallback(model: ResolvedModel) -> tuple[JobWarning, ...]:
    return () if model.fallback is None else (JobWarning(WarningCode.MODEL_FALLBACK, model.fallback),)


def _unsupported(field: str, message: str) -> Refused:
    return Refused(Reason.OPTION_UNSUPPORTED, message, field=f"job.config.{field}")


def fill(asked: JobRequestConfig, user: JobRequestConfig, tenant: JobRequestConfig) -> Filled:
    """Take each value from the request, else the user, else the tenant.

    A default that contradicts a nearer source is dropped: a request for separate channels, or without word times, turns
    a default diarization off.
    """
    asked = _with_tracks_apart(asked)
    config, origins = asked, dict(_origins(asked))
    for source, origin in ((user, Origin.USER), (tenant, Origin.TENANT)):
        config = _fill_from(config, source, origin, origins)
    return Filled(config, origins)


def _origins(asked: JobRequestConfig) -> Iterator[tuple[str, str]]:
    for name in _names(JobRequestConfig):
        if name != "diarization":
            yield name, _origin(getattr(asked, name))
    for name in _names(DiarizationRequest):
        yield f"diarization.{name}", _origin(getattr(asked.diarization, name))


def _origin(value: object) -> str:
    return Origin.REQUEST if _given(value) else Origin.SERVER


def _fill_from(
    config: JobRequestConfig, source: JobRequestConfig, origin: Origin, origins: dict[str, str]
) -> JobRequestConfig:
    values = {}
    for name in _names(JobRequestConfig):
        if name in OWN or name == "diarization" or _given(getattr(config, name)) or not _given(getattr(source, name)):
            continue
        if name == "language_candidates" and config.language not in (None, "auto"):
            continue
        values[name], origins[name] = getattr(source, name), origin.value
    filled = replace(config, **values)
    return replace(filled, diarization=_fill_diarization(filled, source.diarization, origin, origins))


def _fill_diarization(
    config: JobRequestConfig, source: DiarizationRequest, origin: Origin, origins: dict[str, str]
) -> DiarizationRequest:
    wish = config.diarization
    excluded = config.channel_mode is ChannelMode.SEPARATE or config.word_times is False
    if excluded or wish.enabled is False:
        return wish
    values = {}
    for name in _names(DiarizationRequest):
        if getattr(wish, name) is not None or getattr(source, name) is None:
            continue
        if name in COUNTS and any(getattr(wish, count) is not None for count in COUNTS):
            continue
        values[name] = getattr(source, name)
        origins[f"diarization.{name}"] = origin.value
    return replace(wish, **values)


def _names(kind: Any) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


def _given(value: object) -> bool:
    return value not in (None, ())

"""Complete a client's options for a live session to a frozen configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from locution_common.errors import Reason, Refused
from locution_speech.capabilities import Match
from locution_speech.clock import samples
from locution_speech.languages import AUTO

from locution_gateway.jobs.config import Afterwards, DiarizationConfig, DiarizationRequest
from locution_gateway.jobs.configure import Origin
from locution_gateway.live.models import EndpointMode, LiveConfig, LiveRequest
from locution_gateway.models.languages import matched
from locution_gateway.models.models import ResolvedModel

STEP: Final = 0.5
SILENCE: Final = 0.8


def wants_speakers(asked: DiarizationRequest) -> bool:
    """Tell whether diarization is requested: enabled explicitly, or by naming a model or a count."""
    return asked != DiarizationRequest() and asked.enabled is not False


def configured(
    asked: LiveRequest,
    language: str,
    model: ResolvedModel,
    speakers: ResolvedModel | None,
    default: Afterwards,
    tenant_default: Afterwards | None,
) -> LiveConfig:
    """Fill in unset options from the tenant, then from the server. Refuses with OPTION_UNSUPPORTED.

    `language` is the model's own code of the requested one.
    """
    can, path = model.capabilities, model.choice.path
    if not can.word_times:
        raise Refused(
            Reason.OPTION_UNSUPPORTED,
            f"{path} gives no word times, which live streams need",
            field="start.config.asr_model",
        )
    check_prompt(model, asked.prompt, asked.hotwords, "start.config", "hotwords")
    return LiveConfig(
        encoding=asked.encoding,
        sample_rate=asked.sample_rate,
        language=language,
        asr_model=model.choice,
        step=samples(asked.step or STEP),
        afterwards=asked.afterwards or tenant_default or default,
        silence=_silence(asked),
        longest=samples(asked.longest or 0),
        partials=asked.partials is not False,
        prompt=asked.prompt or "",
        hotwords=asked.hotwords,
        diarization=_diarization(asked.diarization, speakers),
        origins=dict(_origins(asked, tenant_default)),
    )


def match_language(model: ResolvedModel, asked: str | None, message: str) -> Match:
    """Return the model's language for a requested one in `message`. Refuses with OPTION_UNSUPPORTED."""
    if asked is None or asked == AUTO:
        known = model.capabilities.languages
        return Match(known[0] if len(known) == 1 else AUTO)
    return matched(model, asked, f"{message}.language")


def check_prompt(
    model: ResolvedModel, prompt: str | None, hotwords: Sequence[str] | None, message: str, hotwords_field: str
) -> None:
    """Refuse with OPTION_UNSUPPORTED a prompt or hotwords in `message` that the model does not accept."""
    if (prompt or hotwords) and not model.capabilities.prompt:
        text = f"{model.choice.path} accepts no prompt and no hotwords"
        raise Refused(Reason.OPTION_UNSUPPORTED, text, field=f"{message}.{'prompt' if prompt else hotwords_field}")


def _silence(asked: LiveRequest) -> int:
    return 0 if asked.endpoint_mode is EndpointMode.RECORDING else samples(asked.silence or SILENCE)


def _diarization(asked: DiarizationRequest, found: ResolvedModel | None) -> DiarizationConfig | None:
    if found is None:
        return None
    counts = (asked.speaker_count, asked.min_speaker_count, asked.max_speaker_count)
    if any(count is not None for count in counts) and not found.capabilities.speaker_counts:
        raise Refused(
            Reason.OPTION_UNSUPPORTED,
            f"{found.choice.path} accepts no speaker counts",
            field="start.config.diarization",
        )
    return DiarizationConfig(found.choice, *counts)


def _origins(asked: LiveRequest, tenant_default: Afterwards | None) -> Iterator[tuple[str, str]]:
    """Yield the origin of each optional field, by its name in the request."""
    given = {
        "language": asked.language,
        "asr_model": asked.asr_model,
        "step": asked.step,
        "endpoint_silence": asked.silence,
        "endpoint_mode": asked.endpoint_mode,
        "longest_utterance": asked.longest,
        "partials": asked.partials,
        "afterwards": asked.afterwards,
        "diarization": None if asked.diarization == DiarizationRequest() else asked.diarization,
    }
    for name, value in given.items():
        if value is not None:
            yield name, Origin.REQUEST.value
        elif name == "afterwards" and tenant_default is not None:
            yield name, Origin.TENANT.value
        else:
            yield name, Origin.SERVER.value

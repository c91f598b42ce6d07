"""Check a request's options against the model's capabilities."""

from __future__ import annotations

from dataclasses import replace

from locution_common.errors import FieldViolation, Reason, Refused
from locution_speech.asr import DecodeMode, ModeChoice, Options, Task
from locution_speech.capabilities import Capabilities
from locution_speech.languages import canonical

from locution_asr.core.prompts import clean, clean_hotwords
from locution_asr.domain.ports import WhisperRecord


def settle(options: Options, capabilities: Capabilities) -> Options:
    """Return the effective options. Refuses with OPTION_UNSUPPORTED, naming each unsupported option."""
    violations = [*_language(options, capabilities), *_task(options, capabilities)]
    if violations:
        raise Refused(
            Reason.OPTION_UNSUPPORTED, "; ".join(item.description for item in violations), violations=violations
        )
    return replace(
        options,
        language=None if options.language is None else canonical(options.language),
        allowed_languages=tuple(map(canonical, options.allowed_languages)),
        prompt=clean(options.prompt),
        hotwords=clean_hotwords(options.hotwords),
    )


def as_qualified(options: Options, record: WhisperRecord) -> Options:
    """Return the options with the qualified encoder input, unless the request names one."""
    return replace(options, shortest_input=options.shortest_input or record.shortest_input)


def choose_mode(options: Options, fast_qualified: bool) -> DecodeMode:
    """Return FAST only if it is qualified or being qualified. Refuses with OPTION_UNSUPPORTED."""
    if options.mode is ModeChoice.FAST_UNQUALIFIED:
        return DecodeMode.FAST
    if options.shortest_input is not None:
        raise _unsupported(
            "min_encoder_input", "only a qualification run chooses it; others get what the model is qualified for"
        )
    if options.mode is ModeChoice.FAST and not fast_qualified:
        raise _unsupported("decode_preference", "fast mode has no passing qualification for this model")
    return DecodeMode.FAST if fast_qualified and options.mode is not ModeChoice.ACCURATE else DecodeMode.ACCURATE


def _language(options: Options, capabilities: Capabilities) -> list[FieldViolation]:
    violations = []
    if options.language is not None and not capabilities.knows(options.language):
        violations.append(FieldViolation("language", f"the model does not know {options.language!r}"))
    unknown = [code for code in options.allowed_languages if not capabilities.knows(code)]
    if unknown:
        violations.append(FieldViolation("language_candidates", f"the model does not know {', '.join(unknown)}"))
    return violations


def _task(options: Options, capabilities: Capabilities) -> list[FieldViolation]:
    if options.task is Task.TRANSLATE and not capabilities.translation:
        return [FieldViolation("translate", "the model does not translate")]
    return []


def _unsupported(field: str, description: str) -> Refused:
    return Refused(Reason.OPTION_UNSUPPORTED, description, field=field)

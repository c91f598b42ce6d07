"""Check a request's options against what its weight can do."""

from __future__ import annotations

from dataclasses import replace

from locution_common.engine.errors import OptionUnsupported
from locution_common.errors import FieldViolation

from locution_asr.core.prompts import clean, clean_hotwords
from locution_asr.domain.models import Capabilities, Mode, ModeChoice, Options, Task


def settle(options: Options, capabilities: Capabilities) -> Options:
    """Return the options as they will be used; raises OptionUnsupported naming each that the weight refuses."""
    violations = [*_language(options, capabilities), *_task(options, capabilities)]
    if violations:
        raise OptionUnsupported("; ".join(item.description for item in violations), violations=violations)
    return replace(options, prompt=clean(options.prompt), hotwords=clean_hotwords(options.hotwords))


def choose_mode(choice: ModeChoice, fast_proven: bool) -> Mode:
    """Return FAST only where it is proven, or where the gate asks for it; raises OptionUnsupported."""
    if choice is ModeChoice.FAST_UNPROVEN:
        return Mode.FAST
    if choice is ModeChoice.FAST and not fast_proven:
        description = "fast mode has no passing verdict for this model"
        raise OptionUnsupported(description, violations=[FieldViolation("decode_preference", description)])
    return Mode.FAST if fast_proven and choice is not ModeChoice.ACCURATE else Mode.ACCURATE


def _language(options: Options, capabilities: Capabilities) -> list[FieldViolation]:
    violations = []
    if options.language is not None and options.language not in capabilities.languages:
        violations.append(FieldViolation("language", f"the model does not know {options.language!r}"))
    unknown = [code for code in options.allowed_languages if code not in capabilities.languages]
    if unknown:
        violations.append(FieldViolation("language_candidates", f"the model does not know {', '.join(unknown)}"))
    return violations


def _task(options: Options, capabilities: Capabilities) -> list[FieldViolation]:
    if options.task is Task.TRANSLATE and not capabilities.translation:
        return [FieldViolation("translate", "the model does not translate")]
    return []

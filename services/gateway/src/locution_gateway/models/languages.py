"""Languages as clients write them, and those that a model hears instead."""

from __future__ import annotations

from locution_common.errors import Reason, Refused
from locution_speech.capabilities import Match
from locution_speech.languages import UnknownLanguage, read

from locution_gateway.models.models import ResolvedModel


def matched(model: ResolvedModel, language: str, field: str) -> Match:
    """Return the model's language for a requested one. Refuses with OPTION_UNSUPPORTED and the model's languages."""
    found = model.capabilities.match(language)
    if found is None:
        raise Refused(Reason.OPTION_UNSUPPORTED, _refusal(model, language), field=field)
    return found


def _refusal(model: ResolvedModel, language: str) -> str:
    path, can = model.choice.path, model.capabilities
    try:
        asked = read(language)
    except UnknownLanguage:
        asked = None
    if asked is not None and asked.script and can.knows(asked.language):
        return (
            f"{path} cannot promise the script of {language}: it writes {asked.language} in a script of its choice."
            f" Use {asked.language}"
        )
    return f"{path} does not know the language {language}. It knows {', '.join(sorted(can.languages)) or 'none'}"

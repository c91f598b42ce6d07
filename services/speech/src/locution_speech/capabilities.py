"""What a model can do."""

from __future__ import annotations

from dataclasses import dataclass

from locution_speech.languages import Tag, UnknownLanguage, read


@dataclass(frozen=True, slots=True)
class Match:
    """A model's language for a requested one, and the part of the request that the model ignores, for example "US"."""

    language: str
    ignored: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a model can do; other options are refused. `languages` are BCP-47 tags."""

    languages: tuple[str, ...] = ()
    language_detection: bool = False
    translation: bool = False
    word_times: bool = False
    prompt: bool = False
    speaker_counts: bool = False
    overlap: bool = False

    def match(self, language: str) -> Match | None:
        """Return the model's own tag for a language as people write it; None for one that the model cannot honour.

        A region that the model does not tell apart is ignored. A script is not: a model that may write another one does
        not match.
        """
        try:
            asked = read(language)
        except UnknownLanguage:
            return None
        known = {read(tag): tag for tag in self.languages}
        if asked in known:
            return Match(known[asked])
        found = known.get(Tag(asked.language, asked.script))
        return None if found is None else Match(found, asked.rest)

    def knows(self, language: str) -> bool:
        """Tell whether the model can honour a language."""
        return self.match(language) is not None

"""What is known of languages: their codes, how they are written, and how finely decoders split them.

Languages are named by BCP-47 tags everywhere but inside of a decoder.
"""

from __future__ import annotations

from typing import Final

AUTO: Final = "auto"
"""Stands for a language that is to be detected."""

SENTENCE_ENDS: Final = tuple(".?!…。？！؟।॥")
CLAUSE_ENDS: Final = tuple(",;:、，；：،—")
_CLOSING: Final = " \"'”’)»"

_UNSPACED: Final = frozenset({"ja", "km", "lo", "my", "th", "yue", "zh"})
"""Languages that are written without spaces between words."""

_DENSE: Final = frozenset(
    [
        *("am", "ar", "as", "ba", "be", "bg", "bn", "bo", "el", "fa", "gu", "he", "hi", "hy", "ja", "ka", "kk"),
        *("km", "kn", "ko", "lo", "mk", "ml", "mn", "mr", "my", "ne", "pa", "ps", "ru", "sa", "sd", "si", "sr"),
        *("ta", "te", "tg", "th", "tt", "uk", "ur", "vi", "yi", "yue", "zh"),
    ]
)
_TO_WHISPER: Final = {"cmn": "zh", "fil": "tl", "iw": "he", "in": "id", "jv": "jw", "nb": "no", "mo": "ro", "ji": "yi"}
_FROM_WHISPER: Final = {"jw": "jv"}


def to_whisper(tag: str) -> str:
    """Return Whisper's code for a tag's language; region and script are dropped: "pt-BR" is "pt"."""
    primary = tag.replace("_", "-").split("-")[0].lower()
    return _TO_WHISPER.get(primary, primary)


def from_whisper(code: str) -> str:
    """Return the tag of one of Whisper's codes."""
    return _FROM_WHISPER.get(code, code)


def canonical(tag: str) -> str:
    """Return the one tag by which a language is known to models: "cmn-Hans" is "zh"."""
    return from_whisper(to_whisper(tag))


def token_density(language: str | None) -> float:
    """Return how many tokens a second of speech takes against English; the most where the language is not known."""
    return 2.0 if language is None or canonical(language) in _DENSE else 1.0


def ends_sentence(text: str) -> bool:
    """Tell whether text ends a sentence, quotes and brackets behind it aside."""
    return text.rstrip(_CLOSING).endswith(SENTENCE_ENDS)


def ends_clause(text: str) -> bool:
    """Tell whether text ends a clause, quotes and brackets behind it aside."""
    return text.rstrip(_CLOSING).endswith(CLAUSE_ENDS)


def space(language: str | None) -> str:
    """Return what stands between two sentences of a language."""
    return "" if language is not None and canonical(language) in _UNSPACED else " "

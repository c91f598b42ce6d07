"""Languages: their codes, how they are written, and how finely decoders split them.

Languages are named by BCP-47 tags everywhere except inside a decoder.
"""

from __future__ import annotations

from typing import Final

AUTO: Final = "auto"
"""Requests detection of the language."""

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
    """Return Whisper's code for a tag's language, without region and script: "pt-BR" becomes "pt"."""
    primary = tag.replace("_", "-").split("-")[0].lower()
    return _TO_WHISPER.get(primary, primary)


def from_whisper(code: str) -> str:
    """Return the tag of one of Whisper's codes."""
    return _FROM_WHISPER.get(code, code)


def canonical(tag: str) -> str:
    """Return the tag by which models know a language: "cmn-Hans" becomes "zh"."""
    return from_whisper(to_whisper(tag))


def token_density(language: str | None) -> float:
    """Return the tokens per second of speech relative to English; the maximum for an unknown language."""
    return 2.0 if language is None or canonical(language) in _DENSE else 1.0


def ends_sentence(text: str) -> bool:
    """Tell whether text ends a sentence, ignoring quotes and brackets after it."""
    return text.rstrip(_CLOSING).endswith(SENTENCE_ENDS)


def ends_clause(text: str) -> bool:
    """Tell whether text ends a clause, ignoring quotes and brackets after it."""
    return text.rstrip(_CLOSING).endswith(CLAUSE_ENDS)


def space(language: str | None) -> str:
    """Return the separator between two sentences of a language."""
    return "" if language is not None and canonical(language) in _UNSPACED else " "

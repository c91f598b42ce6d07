"""Languages: their codes, how they are written, and how finely decoders split them.

Languages are named by BCP-47 tags everywhere except inside a decoder. `read` knows the ways in which people write them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from langcodes import Language, standardize_tag

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
_TO_WHISPER: Final = {"fil": "tl", "jv": "jw", "nb": "no"}
_FROM_WHISPER: Final = {"jw": "jv"}
_REMEMBERED: Final = 1024
"""Most texts whose tags are kept: they come from clients."""


class UnknownLanguage(ValueError):
    """A text that is no language code."""


@dataclass(frozen=True, slots=True)
class Tag:
    """A language code as people write it, read: the language by which models know it, the script, and the rest.

    `script` is empty where the language has only one; `rest` holds region, variants and extensions: "US", "valencia".
    """

    language: str
    script: str = ""
    rest: str = ""


@lru_cache(_REMEMBERED)
def read(text: str) -> Tag:
    """Read a BCP-47 tag, or an ISO 639 code of two or three letters, in any case: "EN", "pt_BR", "iw", "ger", "cmn".

    Raises UnknownLanguage.
    """
    try:
        tag = Language.get(standardize_tag(text, macro=True)).simplify_script()
    except ValueError as error:
        raise UnknownLanguage(text) from error
    language = tag.language or ""
    rest = (tag.territory, *(tag.variants or ()), *(tag.extensions or ()), tag.private)
    return Tag(from_whisper(_TO_WHISPER.get(language, language)), tag.script or "", "-".join(filter(None, rest)))


def to_whisper(tag: str) -> str:
    """Return Whisper's code for a tag's language, without region and script: "pt-BR" becomes "pt"."""
    language = canonical(tag)
    return _TO_WHISPER.get(language, language)


def from_whisper(code: str) -> str:
    """Return the tag of one of Whisper's codes."""
    return _FROM_WHISPER.get(code, code)


def canonical(tag: str) -> str:
    """Return the tag by which models know a language: "cmn-Hans" becomes "zh"; what is no language code stays."""
    try:
        return read(tag).language
    except UnknownLanguage:
        return tag


def codes(tag: str) -> tuple[str, ...]:
    """Return the ISO 639 codes of a tag's language: "de", "deu" and "ger" for "de-AT"; none for what is no language."""
    with suppress(UnknownLanguage, LookupError):
        language = Language.get(read(tag).language)
        written = tag.replace("_", "-").split("-")[0].lower()
        return tuple(
            dict.fromkeys((str(language.language), language.to_alpha3(), language.to_alpha3(variant="B"), written))
        )
    return ()


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

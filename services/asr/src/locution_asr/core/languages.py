"""Translate between BCP-47 tags and the language codes of Whisper."""

from __future__ import annotations

_TO_WHISPER = {"cmn": "zh", "fil": "tl", "iw": "he", "in": "id", "jv": "jw", "nb": "no", "mo": "ro", "ji": "yi"}
_FROM_WHISPER = {"jw": "jv"}


def from_bcp47(tag: str) -> str:
    """Return Whisper's code for a tag's language; region and script are dropped: "pt-BR" is "pt"."""
    primary = tag.replace("_", "-").split("-")[0].lower()
    return _TO_WHISPER.get(primary, primary)


def to_bcp47(code: str) -> str:
    """Return the tag of one of Whisper's codes."""
    return _FROM_WHISPER.get(code, code)

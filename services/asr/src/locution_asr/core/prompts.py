"""Clean text that requests pass to the decoder: no special tokens, no control characters, bounded length."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_PROMPT = 1000
MAX_HOTWORDS = 100
MAX_HOTWORD = 64

_SPECIAL = re.compile(r"<\|[^<>|]*\|>")
_SPACE = re.compile(r"\s+")


def clean(text: str, limit: int = MAX_PROMPT) -> str:
    """Return the last `limit` characters of `text` without special tokens and control characters."""
    previous = None
    while previous != text:
        previous, text = text, _SPECIAL.sub(" ", text)
    printable = "".join(" " if unicodedata.category(letter) in ("Cc", "Cf") else letter for letter in text)
    return _SPACE.sub(" ", printable).strip()[-limit:]


def clean_hotwords(words: Iterable[str]) -> tuple[str, ...]:
    """Return the cleaned words without empty ones and duplicates, at most 100 of at most 64 characters."""
    cleaned = dict.fromkeys(clean(word, MAX_HOTWORD) for word in words)
    return tuple(word for word in cleaned if word)[:MAX_HOTWORDS]

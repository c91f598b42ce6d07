"""Labels for people, made from names of files."""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 512
"""Characters of a display name."""

_UNFIT: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""Control characters, line ends, and the surrogates by which Python names bytes that are not UTF-8."""


def label(name: str) -> str:
    """Return a name as text that the server accepts and that fits on a line."""
    return _UNFIT.sub("\N{REPLACEMENT CHARACTER}", name)[:LONGEST]

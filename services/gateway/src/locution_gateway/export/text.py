"""Text that is safe to put into one line of a file."""

from __future__ import annotations

import re
from typing import Final

# C0 and C1 controls, and the separators that some readers take for line ends.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Return the text with every run of control characters and line ends as one space, without spaces around it."""
    return " ".join(_CONTROLS.sub(" ", text).split())

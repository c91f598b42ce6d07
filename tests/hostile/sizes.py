"""How much each suite does: seconds in CI, and the long form with LOCUTION_HOSTILE_LONG=1. A variable of its own wins."""

from __future__ import annotations

import os


def size(name: str, short: int, long: int) -> int:
    """Return the size of a suite, for example of LOCUTION_HOSTILE_CASES."""
    chosen = long if os.environ.get("LOCUTION_HOSTILE_LONG") else short
    return int(os.environ.get(f"LOCUTION_HOSTILE_{name}", chosen))

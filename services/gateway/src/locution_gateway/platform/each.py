"""Convert many values without keeping the event loop from other calls."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Final, TypeVar

A = TypeVar("A")
B = TypeVar("B")

TURN_SECONDS: Final = 0.005
"""Seconds after which other callbacks of the loop get a turn."""


async def each(change: Callable[[A], B], values: Iterable[A]) -> list[B]:
    """Return every value changed, in order; other work of the loop runs in between."""
    changed, began = list[B](), time.monotonic()
    for value in values:
        if time.monotonic() - began > TURN_SECONDS:
            await asyncio.sleep(0)
            began = time.monotonic()
        changed.append(change(value))
    return changed

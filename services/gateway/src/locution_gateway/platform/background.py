"""Repeated background work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

_log = logging.getLogger(__name__)


async def repeat(
    work: Callable[[], Awaitable[object]], seconds: float, stopping: asyncio.Event, woken: asyncio.Event | None = None
) -> None:
    """Repeat work at an interval in seconds, or at once when woken, until stopped.

    A failed round is logged and does not prevent the next.
    """
    woken = woken or asyncio.Event()
    while not stopping.is_set():
        woken.clear()
        await guarded(work)
        await _pause(seconds, stopping, woken)


async def guarded(work: Callable[[], Awaitable[object]]) -> None:
    """Do a piece of work; a failure is logged and has no further effect."""
    try:
        await work()
    except Exception:  # noqa: BLE001 - logged with its traceback; the next round, and other work, must go on
        _log.exception("background work failed", extra={"work": getattr(work, "__qualname__", repr(work))})


async def _pause(seconds: float, stopping: asyncio.Event, woken: asyncio.Event) -> None:
    waits = [asyncio.create_task(stopping.wait()), asyncio.create_task(woken.wait())]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
            with suppress(asyncio.CancelledError):
                await wait

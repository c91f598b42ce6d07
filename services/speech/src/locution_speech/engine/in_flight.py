"""Share a limited number of windows in flight among the open sections."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

BATCHES = 4
"""Batches of windows per slot: one running, and enough waiting to fill the next ones."""

LEAST = 2
"""Windows that every section may have: beyond half as many sections, each adds these."""


class InFlightLimiter:
    """Tracks the open sections of an engine with `slots` batches at once. Belongs to one event loop."""

    def __init__(self, slots: int) -> None:
        self._slots = slots
        self._open: set[Allowance] = set()

    @property
    def sections(self) -> int:
        """Return the number of open sections."""
        return len(self._open)

    @contextmanager
    def section(self, batch_size: int) -> Iterator[Allowance]:
        """Open a section whose model takes `batch_size` windows in a batch; return its allowance while it is open."""
        allowance = Allowance(self, BATCHES * self._slots * batch_size)
        self._open.add(allowance)
        try:
            yield allowance
        finally:
            self._open.remove(allowance)
            for other in self._open:
                other.wake()


class Allowance:
    """Counts the windows of one section. One task takes windows, any task may return them."""

    def __init__(self, among: InFlightLimiter, most: int) -> None:
        self._among = among
        self._most = most
        self._taken = 0
        self._woken = asyncio.Event()

    @property
    def full(self) -> bool:
        """Tell whether the section has all its windows in flight."""
        return self._taken >= max(LEAST, self._most // self._among.sections)

    async def take(self) -> None:
        """Start a window once the allowance is not full."""
        while self.full:
            self._woken.clear()
            await self._woken.wait()
        self._taken += 1

    def give_back(self) -> None:
        """End a window and wake the task that waits in `take`."""
        self._taken -= 1
        self.wake()

    def wake(self) -> None:
        """Wake the task that waits in `take`, so that it checks the allowance again."""
        self._woken.set()

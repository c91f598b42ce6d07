"""How late the event loop runs: each callback that computes for long delays all calls of the process."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from prometheus_client import CollectorRegistry

from . import names

PROBE: Final = "event_loop"
STEP_SECONDS: Final = 0.05
WINDOW_SECONDS: Final = 10.0
STALLED_SECONDS: Final = 5.0
"""A process whose loop was late by this much in the last WINDOW_SECONDS is not healthy."""


class LoopLag:
    """Measures the lag of the current event loop again and again, as a metric and a health probe."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._metric = names.LOOP_LAG.histogram(registry)
        self._seen: deque[tuple[float, float]] = deque()

    async def run(self) -> None:
        """Measure until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + STEP_SECONDS
            await asyncio.sleep(STEP_SECONDS)
            self.record(loop.time(), max(0.0, loop.time() - due))

    def record(self, now: float, lag: float) -> None:
        """Record that the loop was late by `lag` seconds at `now`, a monotonic time in seconds."""
        self._metric.observe(lag)
        while self._seen and self._seen[0][0] < now - WINDOW_SECONDS:
            self._seen.popleft()
        while self._seen and self._seen[-1][1] <= lag:  # less than a later one: it can never be the worst again
            self._seen.pop()
        self._seen.append((now, lag))

    @property
    def worst(self) -> float:
        """Return the greatest lag of the last WINDOW_SECONDS in seconds."""
        return self._seen[0][1] if self._seen else 0.0

    async def probe(self) -> None:
        """Raise if the loop was stalled."""
        if self.worst >= STALLED_SECONDS:
            raise RuntimeError(f"the event loop was late by {self.worst:.1f} s")

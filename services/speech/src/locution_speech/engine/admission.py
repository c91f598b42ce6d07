"""Limit the sections that an engine serves, and refuse new ones while it shuts down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from locution_common.cancellation import Ending, endable
from locution_common.errors import Reason, Refused

LEFT_FOR_ABORT = 1.0
"""Seconds of the shutdown grace in which unfinished sections are told ENGINE_DRAINING."""

SHORTEST_RETRY = 1.0
LONGEST_RETRY = 30.0


@dataclass(slots=True)
class Admission:
    """Tracks the sections in progress. `backlog` estimates the seconds until the queued work is done."""

    limit: int
    backlog: Callable[[], float]
    _sections: set[Ending] = field(default_factory=set)
    _draining: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def sections(self) -> int:
        """Count the sections in progress."""
        return len(self._sections)

    @contextmanager
    def admit(self) -> Iterator[None]:
        """Hold a place for the section of the current task.

        Refuses with ENGINE_OVERLOADED or ENGINE_DRAINING at once, and with ENGINE_DRAINING when `abort` ends the
        section.
        """
        if self._draining:
            raise Refused(Reason.ENGINE_DRAINING, "the engine is shutting down", retry_after=SHORTEST_RETRY)
        if len(self._sections) >= self.limit:
            raise Refused(
                Reason.ENGINE_OVERLOADED,
                f"the engine serves at most {self.limit} sections",
                retry_after=self._retry_after(),
            )
        with endable() as section:
            self._sections.add(section)
            try:
                yield
            finally:
                self._sections.remove(section)
                self._changed.set()

    async def drain(self, grace: float) -> int:
        """Refuse new sections, wait up to `grace` seconds for those in progress, and return how many remain."""
        self._draining = True
        try:
            async with asyncio.timeout(grace):
                while self._sections:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            pass
        return len(self._sections)

    async def finish(self, stopping: asyncio.Event, grace: float) -> None:
        """Once stopping, let sections finish; shortly before `grace` seconds end, end the rest with ENGINE_DRAINING."""
        await stopping.wait()
        if await self.drain(max(0.0, grace - min(LEFT_FOR_ABORT, grace / 2))):
            self.abort()

    def abort(self) -> None:
        """End all sections in progress."""
        for section in self._sections:
            section.end(Refused(Reason.ENGINE_DRAINING, "the engine shut down before the section was done"))

    def _retry_after(self) -> float:
        return min(max(self.backlog(), SHORTEST_RETRY), LONGEST_RETRY)

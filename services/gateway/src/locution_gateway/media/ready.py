"""Decode children that are started before they are needed. Each decodes one file: no child is used twice."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from .process import Child, spawn

_log = logging.getLogger(__name__)

REPLACE_SECONDS: Final = 0.5
"""Pause before a child is replaced: the work that it was taken for goes first."""

MAX_REPLACE_SECONDS: Final = 30.0
"""Longest pause: it doubles each time that children die while they wait, until one is taken."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    child: Child
    stack: AsyncExitStack
    """Ends the child."""


class Children:
    """Keeps children waiting, and replaces those that were taken or died. When none waits, it starts one."""

    def __init__(
        self, ready: int = 0, folder: Path | None = None, pause: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Keep `ready` waiting while open; scratch files lie in `folder`, in the system's temporary folder for None."""
        self._wanted = ready
        self._folder = folder
        self._pause = pause
        self._pause_seconds = REPLACE_SECONDS
        self._waiting: list[_Waiting] = []
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Children]:
        """Keep children waiting inside the context; none outlives it."""
        keeper = asyncio.create_task(self._keep(), name="decode children")
        try:
            yield self
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            waiting, self._waiting = self._waiting, []
            await asyncio.shield(self._end(waiting))

    @property
    def waiting(self) -> tuple[int, ...]:
        """Return the process ids of those that wait."""
        return tuple(waiting.child.pid for waiting in self._waiting if waiting.child.alive)

    @asynccontextmanager
    async def take(self) -> AsyncIterator[Child]:
        """Yield a child for one file; it is dead and reaped afterwards."""
        found = next((waiting for waiting in self._waiting if waiting.child.alive), None)
        if found is None:
            async with spawn(self._folder) as child:
                yield child
            return
        self._waiting.remove(found)
        self._pause_seconds = REPLACE_SECONDS
        self._changed.set()
        async with found.stack:
            yield found.child

    async def _keep(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._replace()
            except OSError as error:
                _log.warning("no decode child could be started", extra={"error": str(error)})
                self._failed()
            except Exception:  # noqa: BLE001 - a worker without waiting children would be slow for good
                _log.exception("decode children could not be replaced")
                self._failed()
            await self._changed.wait()
            await self._pause(self._pause_seconds)

    def _failed(self) -> None:
        self._pause_longer()
        self._changed.set()

    def _pause_longer(self) -> None:
        self._pause_seconds = min(2 * self._pause_seconds, MAX_REPLACE_SECONDS)

    async def _replace(self) -> None:
        dead = [waiting for waiting in self._waiting if not waiting.child.alive]
        self._waiting = [waiting for waiting in self._waiting if waiting.child.alive]
        if dead:
            _log.warning("decode children ended while they waited", extra={"pids": [each.child.pid for each in dead]})
            self._pause_longer()
        await self._end(dead)
        while len(self._waiting) < self._wanted:
            async with AsyncExitStack() as stack:
                child = await stack.enter_async_context(self._started())
                self._waiting.append(_Waiting(child, stack.pop_all()))

    @asynccontextmanager
    async def _started(self) -> AsyncIterator[Child]:
        """Start a child whose end is noticed."""
        async with spawn(self._folder) as child:
            ended = asyncio.create_task(child.wait())
            ended.add_done_callback(lambda _: self._changed.set())
            try:
                yield child
            finally:
                ended.cancel()
                await asyncio.gather(ended, return_exceptions=True)

    async def _end(self, those: list[_Waiting]) -> None:
        """End all, even if ending one fails."""
        async with AsyncExitStack() as stack:
            for waiting in those:
                stack.push_async_exit(waiting.stack)


FRESH: Final = Children()
"""Starts every child when it is needed."""

"""Wake-ups by LISTEN and NOTIFY: a hint to look now. Polling remains the guarantee."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg

from ..retry import Backoff
from .pool import is_unavailable

_log = logging.getLogger(__name__)


class Listener:
    """Sets an event per channel on each notification and after each reconnection, when notices may be lost."""

    def __init__(
        self, url: str, channels: Iterable[str], *, application: str = "locution", check: float = 15.0
    ) -> None:
        self._url = url
        self._application = application
        self._check = check
        self._events = {channel: asyncio.Event() for channel in channels}
        self._callbacks: dict[str, list[Callable[[str], None]]] = {channel: [] for channel in self._events}
        self.connected = asyncio.Event()

    def event(self, channel: str) -> asyncio.Event:
        """Return the event of a channel. Waiters clear it before they poll."""
        return self._events[channel]

    def on(self, channel: str, callback: Callable[[str], None]) -> Callable[[], None]:
        """Call `callback` with the payload of each notice ("" after a reconnection); return how to stop it."""
        self._callbacks[channel].append(callback)
        return lambda: self._callbacks[channel].remove(callback)

    async def run(self) -> None:
        """Listen until cancelled, reconnecting with backoff."""
        failures = 0
        while True:
            try:
                await self._listen()
            except Exception as error:
                if not is_unavailable(error) and not isinstance(error, asyncpg.PostgresError):
                    raise
                failures = 0 if self.connected.is_set() else failures + 1
                _log.warning("lost the listening connection", extra={"error": type(error).__name__})
            self.connected.clear()
            await asyncio.sleep(_pause(failures))

    async def _listen(self) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=10, command_timeout=10, server_settings={"application_name": self._application}
        )
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _: lost.set())
        try:
            for channel in self._events:
                await connection.add_listener(channel, self._notified)
            self.connected.set()
            self._wake_all()
            await self._keep(connection, lost)
        finally:
            with suppress(Exception):  # the connection is given up either way
                await connection.close(timeout=2)

    async def _keep(self, connection: Any, lost: asyncio.Event) -> None:
        """Wait until the connection is lost; a regular check detects a silent loss."""
        while not lost.is_set():
            try:
                async with asyncio.timeout(self._check):
                    await lost.wait()
            except TimeoutError:
                await connection.execute("SELECT 1")

    def _notified(self, connection: object, pid: int, channel: str, payload: object) -> None:
        self._wake(channel, str(payload))

    def _wake_all(self) -> None:
        for channel in self._events:
            self._wake(channel, "")

    def _wake(self, channel: str, payload: str) -> None:
        self._events[channel].set()
        for callback in list(self._callbacks[channel]):
            callback(payload)


@asynccontextmanager
async def listening(url: str, channels: Iterable[str], *, application: str = "locution") -> AsyncIterator[Listener]:
    """Run a listener in the background inside the context."""
    listener = Listener(url, channels, application=application)
    task = asyncio.create_task(listener.run(), name="listener")
    try:
        yield listener
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _pause(failures: int) -> float:
    delays = list(Backoff(base=0.2, cap=5.0, attempts=min(failures, 6) + 2).delays())
    return delays[-1]

"""Messages waiting for a client: bounded, with at most one partial."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Final

from locution_common.errors import Reason, Refused

from locution_gateway.live.models import LiveFinal, Partial, ServerMessage

ROOM: Final = 64


class Outbox:
    """Passes messages from a stream's tasks to its sender; a newer partial replaces one that is not sent yet."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._waiting: deque[ServerMessage] = deque()
        self._partial: Partial | None = None
        self._closed = False
        self._changed = asyncio.Condition()

    async def put(self, message: ServerMessage) -> None:
        """Add a message once there is room. Refuses with LIVE_CLIENT_TOO_SLOW after too long a wait."""
        async with self._changed:
            if isinstance(message, Partial):
                self._partial = message
            else:
                await self._room()
                self._partial = None if isinstance(message, LiveFinal) else self._partial
                self._waiting.append(message)
            self._changed.notify_all()

    async def get(self) -> ServerMessage | None:
        """Return the next message; None once the outbox is closed and empty."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._waiting or self._partial or self._closed)
            if self._waiting:
                message: ServerMessage = self._waiting.popleft()
                self._changed.notify_all()
                return message
            partial, self._partial = self._partial, None
            return partial

    async def close(self) -> None:
        """Close the outbox; waiting messages are still sent."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def _room(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._changed.wait_for(lambda: len(self._waiting) < ROOM)
        except TimeoutError:
            message = f"nothing was read for {self._patience:.0f} s; the session can be resumed"
            raise Refused(Reason.LIVE_CLIENT_TOO_SLOW, message) from None

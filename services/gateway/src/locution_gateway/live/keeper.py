"""Store a stream's audio as small objects, and acknowledge what is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from locution_common.clock import Clock
from locution_common.retry import Backoff, retry

from locution_gateway.live import keys
from locution_gateway.live.models import Ack, LiveChunk, LiveSession
from locution_gateway.live.postgres import PostgresLive
from locution_gateway.platform.principal import Principal
from locution_gateway.uploads.ports import ObjectBytes

MOST_HELD: Final = 2 * 1024 * 1024
PIECE: Final = 512 * 1024
PATIENCE: Final = Backoff(base=0.1, cap=3.0, attempts=12)


class Keeper:
    """Takes audio in order; `run` stores it every `seconds` and calls `acknowledge`."""

    def __init__(
        self,
        store: PostgresLive,
        objects: ObjectBytes,
        principal: Principal,
        session: LiveSession,
        owner: UUID,
        acknowledge: Callable[[Ack], Awaitable[None]],
        clock: Clock,
        seconds: float,
    ) -> None:
        self._store = store
        self._objects = objects
        self._principal = principal
        self._session = session
        self._owner = owner
        self._acknowledge = acknowledge
        self._clock = clock
        self._seconds = seconds
        self._unit = session.config.encoding.unit
        self._held = bytearray()
        self._chunk: LiveChunk | None = None
        self._kept = session.kept
        self._samples = session.audio_samples
        self._ending = False
        self._changed = asyncio.Condition()

    @property
    def kept(self) -> int:
        """Return the offset up to which audio is stored."""
        return self._kept

    async def take(self, data: bytes, samples: int) -> None:
        """Add audio; `samples` at 16 kHz have arrived so far. Waits while the store is far behind."""
        async with self._changed:
            self._held += data
            self._samples = max(self._samples, samples)
            self._changed.notify_all()
            await self._changed.wait_for(lambda: len(self._held) < MOST_HELD)

    async def run(self) -> None:
        """Store audio until `finish` was called and everything is stored; after it was interrupted, continue."""
        while await self._due():
            await self._keep()

    async def finish(self) -> None:
        """Make `run` store the rest at once and return."""
        async with self._changed:
            self._ending = True
            self._changed.notify_all()

    async def _due(self) -> bool:
        """Wait for audio to store; False at the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._held or self._ending)
            if not self._ending and len(self._held) < PIECE:
                await self._linger()
            return bool(self._held)

    async def _linger(self) -> None:
        try:
            async with asyncio.timeout(self._seconds):
                await self._changed.wait_for(lambda: self._ending or len(self._held) >= PIECE)
        except TimeoutError:
            return

    async def _keep(self) -> None:
        """Store the next chunk, or repeat exactly one that was interrupted: it may be recorded already."""
        chunk = self._chunk = self._chunk or self._next()
        data, samples = bytes(self._held[: (chunk.end - chunk.start) * self._unit]), self._samples
        await retry(lambda: self._objects.put(chunk.key, data), backoff=PATIENCE, clock=self._clock)
        await retry(lambda: self._commit(chunk, samples), backoff=PATIENCE, clock=self._clock)
        self._kept, self._chunk = chunk.end, None
        del self._held[: len(data)]
        async with self._changed:
            self._changed.notify_all()
        await self._acknowledge(Ack(chunk.end))

    def _next(self) -> LiveChunk:
        end = self._kept + min(len(self._held), MOST_HELD) // self._unit
        key = keys.chunk(self._session.tenant_id, self._session.session_id, self._kept, end, self._owner)
        return LiveChunk(self._kept, end, key)

    async def _commit(self, chunk: LiveChunk, samples: int) -> None:
        await self._store.keep(self._principal, self._session.session_id, self._owner, chunk, samples)

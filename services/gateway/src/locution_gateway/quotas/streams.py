"""How many streams are open: of a tenant over all replicas, as rows that this process keeps alive, and in slots."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.postgres.streams import PostgresStreams
from locution_gateway.quotas.slots import OnEnd, Slots

LEASE: Final = timedelta(seconds=30)
RENEW_SECONDS: Final = 10.0


class Streams:
    """Counts this process's streams in the shared table and in its slots."""

    def __init__(self, rows: PostgresStreams, slots: Slots) -> None:
        self._rows = rows
        self._slots = slots
        self._open: set[UUID] = set()

    @asynccontextmanager
    async def counted(self, principal: Principal, limit: int | None, on_end: OnEnd) -> AsyncIterator[None]:
        """Count a stream while inside. Refuses with QUOTA_EXCEEDED, OVERLOADED."""
        stream_id = uuid4()
        try:
            await self._rows.open(principal, stream_id, limit, LEASE)
            self._open.add(stream_id)
            async with self._slots.hold(principal.tenant_id, on_end):
                yield
        finally:
            self._open.discard(stream_id)
            await asyncio.shield(self._rows.close(principal, stream_id))

    async def renew(self) -> None:
        """Hold what is open for longer; called every RENEW_SECONDS."""
        if self._open:
            await self._rows.renew(list(self._open), LEASE)

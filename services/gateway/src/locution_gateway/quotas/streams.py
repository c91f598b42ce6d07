"""How many streams a tenant has open, over all replicas: each is a row that this process keeps alive."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.postgres.streams import PostgresStreams

LEASE: Final = timedelta(seconds=30)
RENEW_SECONDS: Final = 10.0


class Streams:
    """Counts this process's streams in the shared table."""

    def __init__(self, slots: PostgresStreams) -> None:
        self._slots = slots
        self._open: set[UUID] = set()

    @asynccontextmanager
    async def counted(self, principal: Principal, limit: int | None) -> AsyncIterator[None]:
        """Count a stream while inside. Refuses with QUOTA_EXCEEDED."""
        stream_id = uuid4()
        await self._slots.open(principal, stream_id, limit, LEASE)
        self._open.add(stream_id)
        try:
            yield
        finally:
            self._open.discard(stream_id)
            await self._slots.close(principal, stream_id)

    async def renew(self) -> None:
        """Hold what is open for longer; called every RENEW_SECONDS."""
        if self._open:
            await self._slots.renew(list(self._open), LEASE)

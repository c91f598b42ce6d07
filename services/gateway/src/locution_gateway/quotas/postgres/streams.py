"""Streaming calls that are open, over all replicas."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final
from uuid import UUID

from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.models import quota_exceeded

# Two calls at once must not both find the last free place.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('locution-streams:' || $1, 0))"
COUNT: Final = "SELECT count(*) FROM gateway.open_streams WHERE tenant_id = $1 AND until > clock_timestamp()"
OPEN: Final = """
INSERT INTO gateway.open_streams (stream_id, tenant_id, created_by, until) VALUES ($1, $2, $3, clock_timestamp() + $4)
"""
RENEW: Final = "SELECT gateway.renew_streams($1, $2)"
CLOSE: Final = "DELETE FROM gateway.open_streams WHERE stream_id = $1 AND tenant_id = $2"
RETRY_SECONDS: Final = 5.0


class PostgresStreams:
    """Streaming calls that are open, over all replicas."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def open(self, principal: Principal, stream_id: UUID, limit: int | None, lease: timedelta) -> None:
        """Count a stream. Refuses with QUOTA_EXCEEDED."""
        async with self._database.transaction(principal) as connection:
            if limit is not None:
                await connection.execute(LOCK, str(principal.tenant_id))
                if await connection.fetchval(COUNT, principal.tenant_id) >= limit:
                    what = f"{limit} streams at once"
                    raise quota_exceeded("concurrent_streams", what, retry_after=RETRY_SECONDS)
            await connection.execute(OPEN, stream_id, principal.tenant_id, principal.subject, lease)

    async def renew(self, stream_ids: Sequence[UUID], lease: timedelta) -> None:
        """Hold streams for longer."""
        async with self._database.across_tenants() as connection:
            await connection.execute(RENEW, list(stream_ids), lease)

    async def close(self, principal: Principal, stream_id: UUID) -> None:
        """Count a stream no longer."""
        async with self._database.transaction(principal) as connection:
            await connection.execute(CLOSE, stream_id, principal.tenant_id)

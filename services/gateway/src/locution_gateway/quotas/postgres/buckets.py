"""Token buckets that all replicas share."""

from __future__ import annotations

from typing import Final

from locution_gateway.platform.database import TenantDatabase
from locution_gateway.quotas.models import Slice

LEASE: Final = "SELECT granted, remaining FROM gateway.lease_tokens($1, $2, $3, $4)"


class PostgresBuckets:
    """Buckets over a TenantDatabase."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def lease(self, bucket: str, rate: float, burst: float, want: float) -> Slice:
        """Take up to `want` whole tokens."""
        async with self._database.across_tenants() as connection:
            granted, remaining = await connection.fetchrow(LEASE, bucket, rate, burst, want)
        return Slice(granted, remaining)

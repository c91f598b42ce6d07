"""What identity and limits need of the world."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Protocol
from uuid import UUID

from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.models import Limits, Quotas, QuotaUse, Slice, UsageRow


class QuotaStore(Protocol):
    """Quotas and use of a tenant."""

    async def get(self, principal: Principal) -> Quotas:
        """Read what the principal's tenant may use."""

    async def update(self, principal: Principal, version: int | None, limits: Limits) -> Quotas:
        """Replace the tenant's own limits. Refused with ETAG_MISMATCH."""

    async def use(self, principal: Principal) -> QuotaUse:
        """Read what is used now."""

    async def usage(
        self, principal: Principal, first: date, last: date, subject: str, limit: int
    ) -> Sequence[UsageRow]:
        """Read what was used from day to day, by day and subject; of one subject unless that is ""."""

    async def today(self) -> date:
        """Return the database's day (UTC), the one that use is charged to."""


class TokenBuckets(Protocol):
    """Buckets that all replicas share."""

    async def lease(self, bucket: str, rate: float, burst: float, want: float) -> Slice:
        """Take up to `want` whole tokens of a bucket that fills by `rate` a second up to `burst`."""


class StreamSlots(Protocol):
    """Streaming calls that are open, over all replicas."""

    async def open(self, principal: Principal, stream_id: UUID, limit: int | None, lease: timedelta) -> None:
        """Count a stream. Refused with QUOTA_EXCEEDED."""

    async def renew(self, stream_ids: Sequence[UUID], lease: timedelta) -> None:
        """Hold streams for longer."""

    async def close(self, principal: Principal, stream_id: UUID) -> None:
        """Count a stream no longer."""

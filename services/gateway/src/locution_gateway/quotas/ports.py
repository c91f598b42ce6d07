"""What identity and limits need of the world."""

from __future__ import annotations

from typing import Protocol

from locution_gateway.quotas.models import Slice


class TokenBuckets(Protocol):
    """Buckets that all replicas share."""

    async def lease(self, bucket: str, rate: float, burst: float, want: float) -> Slice:
        """Take up to `want` whole tokens of a bucket that fills by `rate` a second up to `burst`."""

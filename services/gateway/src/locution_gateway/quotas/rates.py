"""How often principals and tenants may call, agreed by all replicas.

The buckets are in the database. A replica takes a slice of tokens at a time and spends it without asking, so that most
calls cost no look-up. A bucket gives out its rate and its burst and no more, so all replicas together overshoot by what
they still hold: at most one slice each. A replica that finds a bucket empty refuses by itself until the bucket can hold
a token again.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from locution_common.clock import Clock
from locution_common.errors import Reason, Refused

from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.models import Limits
from locution_gateway.quotas.ports import TokenBuckets

BURST_SECONDS: Final = 2.0
"""A bucket holds what its rate gives in this many seconds."""
SLICE_SECONDS: Final = 0.25
"""A slice is what the rate gives in this many seconds, at least one token: the overshoot of one replica."""
SLICE_LIFE: Final = 2.0
"""Seconds after which a replica drops what is left of a slice."""
REMEMBERED: Final = 20_000


@dataclass(slots=True)
class _Held:
    tokens: float = 0.0
    until: float = 0.0
    empty_until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


def burst(rate: float) -> float:
    """Return how many tokens a bucket of this rate holds."""
    return max(1.0, rate * BURST_SECONDS)


def slice_size(rate: float) -> float:
    """Return how many tokens a replica takes at a time."""
    return float(max(1, int(rate * SLICE_SECONDS)))


def _limited(whose: str, retry_after: float) -> Refused:
    return Refused(Reason.RATE_LIMITED, f"the rate of the {whose} is used up", retry_after=retry_after)


class Rates:
    """Spends tokens of the shared buckets."""

    def __init__(self, buckets: TokenBuckets, clock: Clock) -> None:
        self._buckets = buckets
        self._clock = clock
        self._held: OrderedDict[str, _Held] = OrderedDict()

    async def spend(self, principal: Principal, limits: Limits, tokens: int = 1) -> None:
        """Spend tokens of the principal and as many of its tenant. Refuses with RATE_LIMITED."""
        if limits.calls_per_second_per_principal is not None:
            bucket = f"principal:{principal.tenant_id}:{principal.subject}"
            await self.take(bucket, limits.calls_per_second_per_principal, "principal", tokens)
        if limits.calls_per_second is not None:
            await self.take(f"tenant:{principal.tenant_id}", limits.calls_per_second, "tenant", tokens)

    async def take(self, bucket: str, rate: float, whose: str, tokens: int = 1) -> None:
        """Spend tokens of a bucket, at most what it can hold. Refuses with RATE_LIMITED."""
        held, cost = self._holding(bucket), min(float(tokens), burst(rate) // 1)
        if not self._spend(held, whose, cost):
            async with held.lock:
                if not self._spend(held, whose, cost):
                    await self._lease(bucket, held, rate, cost)
                    if not self._spend(held, whose, cost):
                        raise _limited(whose, cost / rate)

    def _spend(self, held: _Held, whose: str, cost: float) -> bool:
        now = self._clock.monotonic()
        if now < held.until and held.tokens >= cost:
            held.tokens -= cost
            return True
        if now < held.empty_until:
            raise _limited(whose, held.empty_until - now)
        return False

    async def _lease(self, bucket: str, held: _Held, rate: float, cost: float) -> None:
        left = held.tokens if self._clock.monotonic() < held.until else 0.0
        taken = await self._buckets.lease(bucket, rate, burst(rate), max(slice_size(rate), cost - left))
        now = self._clock.monotonic()
        held.tokens, held.until = left + taken.granted, now + SLICE_LIFE
        if held.tokens < 1:
            held.empty_until = now + max(0.001, (1.0 - taken.remaining) / rate)

    def _holding(self, bucket: str) -> _Held:
        held = self._held.get(bucket)
        if held is None:
            held = self._held[bucket] = _Held()
            if len(self._held) > REMEMBERED:
                self._held.popitem(last=False)
        return held

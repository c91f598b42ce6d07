"""What keeps a flood from wearing the process out: refusing costs work too.

The first refusals of a tenant in a second are given at once. Whoever goes on calling waits for its refusal, which costs
next to nothing: callers that call again when they are answered slow down, and neighbours keep their share of the
process. The more calls of a tenant wait, the longer they wait, so that about `ANSWERED` are answered in a second. At
most `held` calls of all tenants wait; beyond that refusals are given at once again.
"""

from __future__ import annotations

import random
from collections import Counter, OrderedDict
from typing import Final

from locution_common.clock import Clock

from locution_gateway.platform.principal import TenantId

AT_ONCE: Final = 10
"""Refusals that a tenant gets at once in a second."""
ANSWERED: Final = 50.0
"""Refusals that a tenant gets in a second while its calls are held back."""
LEAST_PAUSE: Final = 1.0
MOST_PAUSE: Final = 5.0
SPREAD: Final = (0.5, 1.5)
"""Share of the pause that a call waits: drawn, lest callers that are held together come back together."""
REMEMBERED: Final = 10_000


class Patience:
    """Counts refusals of tenants, and holds back those of a flood."""

    def __init__(self, clock: Clock, held: int) -> None:
        self._clock = clock
        self._room = held
        self._held: Counter[TenantId] = Counter()
        self._refused: OrderedDict[TenantId, tuple[int, int]] = OrderedDict()

    def floods(self, tenant_id: TenantId) -> bool:
        """Count a refusal, and tell whether its tenant floods and there is room to hold it back."""
        second = int(self._clock.monotonic())
        before, count = self._refused.get(tenant_id, (second, 0))
        count = count + 1 if before == second else 1
        self._refused[tenant_id] = (second, count)
        if len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)
        return count > AT_ONCE and self._held.total() < self._room

    def pause(self, tenant_id: TenantId) -> float:
        """Return the seconds that a call of this tenant is held back, give or take SPREAD."""
        return min(MOST_PAUSE, max(LEAST_PAUSE, self._held[tenant_id] / ANSWERED))

    async def hold(self, tenant_id: TenantId) -> None:
        """Let the pause pass."""
        self._held[tenant_id] += 1
        try:
            spread = random.uniform(*SPREAD)  # noqa: S311 (jitter, not a secret)
            await self._clock.sleep(self.pause(tenant_id) * spread)
        finally:
            self._held[tenant_id] -= 1
            if not self._held[tenant_id]:
                del self._held[tenant_id]

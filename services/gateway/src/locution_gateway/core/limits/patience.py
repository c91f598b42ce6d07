"""What keeps a flood from wearing the process out: refusing costs work too.

The first refusals of a tenant in a second are given at once. Whoever goes on calling waits for its refusal, which costs
next to nothing: callers that call again when they are answered slow down, and neighbours keep their share of the
process. At most `held` calls of all tenants wait; beyond that refusals are given at once again.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from locution_common.clock import Clock

from locution_gateway.domain.identity import TenantId

AT_ONCE: Final = 50
"""Refusals that a tenant gets at once in a second."""
PAUSE: Final = 1.0
REMEMBERED: Final = 10_000


class Patience:
    """Counts refusals of tenants, and holds back those of a flood."""

    def __init__(self, clock: Clock, held: int) -> None:
        self._clock = clock
        self._room = held
        self._refused: OrderedDict[TenantId, tuple[int, int]] = OrderedDict()

    def floods(self, tenant_id: TenantId) -> bool:
        """Count a refusal, and tell whether its tenant floods and there is room to hold it back."""
        second = int(self._clock.monotonic())
        before, count = self._refused.get(tenant_id, (second, 0))
        count = count + 1 if before == second else 1
        self._refused[tenant_id] = (second, count)
        if len(self._refused) > REMEMBERED:
            self._refused.popitem(last=False)
        return count > AT_ONCE and self._room > 0

    async def hold(self) -> None:
        """Let the pause pass."""
        self._room -= 1
        try:
            await self._clock.sleep(PAUSE)
        finally:
            self._room += 1

"""Slots of a process, for which tenants compete: each tenant has a floor, and idle slots are lent.

The floor of a tenant is its share of all slots, by the shares of the tenants that hold or ask for one now, and at least
one. A tenant may hold more while slots are free. When none is free, a tenant below its floor takes the newest slot of
the tenant that is furthest above its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

from locution_common import names
from locution_common.cancellation import Ending, endable
from locution_common.clock import Clock
from locution_common.errors import Reason, Refused
from prometheus_client import CollectorRegistry

from locution_gateway.platform.principal import TenantId

RETURN_SECONDS: Final = 4.0
"""Seconds that a newcomer waits for the end of the work whose slot it takes."""
REAP_SECONDS: Final = 5.0
ORPHANED_SECONDS: Final = 10.0
"""Seconds after the end of its call after which a slot counts as leaked."""

_log = logging.getLogger(__name__)

Shares = Callable[[TenantId], Awaitable[int]]
OnEnd = Callable[[Any], None]
"""Registers a callback for the end of a call, as `ServicerContext.add_done_callback` does."""


class SlotMetrics:
    """The metrics of all kinds of slots."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.held = names.SLOTS_HELD.gauge(registry)
        self.most = names.SLOTS_MOST.gauge(registry)
        self.taken = names.SLOTS_TAKEN.counter(registry)
        self.reaped = names.SLOTS_REAPED.counter(registry)


@dataclass(eq=False, slots=True)
class _Slot:
    tenant_id: TenantId
    share: int
    ending: Ending
    left: asyncio.Event = field(default_factory=asyncio.Event)
    orphaned: float | None = None


class Slots:
    """The slots of one kind in this process; `full` is the reason for refusing or ending work."""

    def __init__(
        self, kind: str, capacity: int, full: Reason, shares: Shares, clock: Clock, metrics: SlotMetrics
    ) -> None:
        self._kind = kind
        self._capacity = capacity
        self._full = full
        self._shares = shares
        self._clock = clock
        self._metrics = metrics
        self._held: list[_Slot] = []
        self._count()

    @property
    def held(self) -> int:
        """Return how many slots are held."""
        return len(self._held)

    @asynccontextmanager
    async def hold(self, tenant_id: TenantId, on_end: OnEnd | None = None) -> AsyncIterator[None]:
        """Hold a slot while inside. Refuses with `full`, also later, when another tenant takes the slot.

        `on_end` makes the reaper watch for the end of the call that the slot serves.
        """
        share = await self._shares(tenant_id)
        with endable() as ending:
            slot = _Slot(tenant_id, share, ending)
            lender = self._place(slot)
            self._held.append(slot)
            self._count()
            if on_end is not None:
                on_end(lambda _: self._orphan(slot))
            try:
                if lender is not None:
                    await self._wait(lender)
                yield
            finally:
                self._held.remove(slot)
                slot.left.set()
                self._count()

    def reap(self) -> None:
        """End the work that still holds a slot although its call has ended."""
        now = self._clock.monotonic()
        for slot in list(self._held):
            if slot.orphaned is not None and now - slot.orphaned >= ORPHANED_SECONDS:
                slot.orphaned = now
                self._metrics.reaped.labels(self._kind).inc()
                _log.error(
                    "a slot was held after its call", extra={"kind": self._kind, "tenant_id": str(slot.tenant_id)}
                )
                slot.ending.end(self._refusal("the call has ended"))

    def _place(self, slot: _Slot) -> _Slot | None:
        """Return the slot that must end first, None if there is room. Refuses if the tenant must wait."""
        staying = [held for held in self._held if held.ending.error is None]
        if len(staying) < self._capacity:
            return None
        counts = Counter(held.tenant_id for held in staying)
        shares = {held.tenant_id: held.share for held in staying} | {slot.tenant_id: slot.share}
        above = {one: counts[one] - self._floor(share, shares) for one, share in shares.items()}
        most = max(above, key=lambda one: above[one])
        if above[slot.tenant_id] >= 0 or above[most] <= 0:
            raise self._refusal(f"all {self._capacity} slots of this process are taken")
        lender = next(held for held in reversed(staying) if held.tenant_id == most)
        lender.ending.end(self._refusal("the slot was lent, and another tenant needs it now"))
        self._metrics.taken.labels(self._kind).inc()
        return lender

    def _floor(self, share: int, shares: dict[TenantId, int]) -> int:
        return max(1, self._capacity * share // sum(shares.values()))

    def _refusal(self, message: str) -> Refused:
        return Refused(self._full, message, retry_after=5.0)

    def _orphan(self, slot: _Slot) -> None:
        slot.orphaned = self._clock.monotonic()

    def _count(self) -> None:
        counts = Counter(slot.tenant_id for slot in self._held)
        self._metrics.held.labels(self._kind).set(len(self._held))
        self._metrics.most.labels(self._kind).set(max(counts.values(), default=0))

    async def _wait(self, lender: _Slot) -> None:
        """Wait for the end of a slot's work, but not for longer than RETURN_SECONDS."""
        try:
            async with asyncio.timeout(RETURN_SECONDS):
                await lender.left.wait()
        except TimeoutError:
            _log.warning("work did not give its slot back in time", extra={"kind": self._kind})


class SlotKinds:
    """Makes the slots of this process, and reaps all of them."""

    def __init__(self, shares: Shares, clock: Clock, registry: CollectorRegistry) -> None:
        self._shares = shares
        self._clock = clock
        self._metrics = SlotMetrics(registry)
        self._made: list[Slots] = []

    def make(self, kind: str, capacity: int, full: Reason) -> Slots:
        """Return slots of a new kind."""
        made = Slots(kind, capacity, full, self._shares, self._clock, self._metrics)
        self._made.append(made)
        return made

    async def reap(self) -> None:
        """Reap all slots; called every REAP_SECONDS."""
        for slots in self._made:
            slots.reap()

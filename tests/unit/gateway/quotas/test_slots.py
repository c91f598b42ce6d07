"""Slots: idle ones are lent, a tenant below its floor gets its own back, and what has no caller is reaped."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import pytest
from locution_common.errors import Reason, Refused
from locution_gateway.platform.principal import TenantId
from locution_gateway.quotas import slots as module
from locution_gateway.quotas.slots import ORPHANED_SECONDS, SlotKinds, Slots
from prometheus_client import CollectorRegistry

from tests.support.clock import ManualClock

A, B, C = (TenantId(UUID(int=number)) for number in (1, 2, 3))


class Competition:
    """Tasks that hold slots until they are let go."""

    def __init__(self, capacity: int, shares: dict[TenantId, int] | None = None) -> None:
        self.registry, self.clock = CollectorRegistry(), ManualClock()
        self.kinds = SlotKinds(self._share, self.clock, self.registry)
        self.slots: Slots = self.kinds.make("test", capacity, Reason.OVERLOADED)
        self.shares = shares or {}
        self.inside: list[tuple[TenantId, asyncio.Task[None]]] = []

    async def _share(self, tenant_id: TenantId) -> int:
        return self.shares.get(tenant_id, 1)

    async def enter(self, tenant_id: TenantId) -> asyncio.Task[None]:
        """Hold a slot. Raises what refuses it."""
        inside = asyncio.Event()

        async def hold() -> None:
            async with self.slots.hold(tenant_id):
                inside.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hold())
        waiting = asyncio.create_task(inside.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            task.result()
        self.inside.append((tenant_id, task))
        return task

    def counts(self) -> Counter[TenantId]:
        return Counter(tenant_id for tenant_id, task in self.inside if not task.done())

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(name, {"kind": "test"})

    async def end(self) -> None:
        for _, task in self.inside:
            task.cancel()
        await asyncio.gather(*(task for _, task in self.inside), return_exceptions=True)


@asynccontextmanager
async def competing(capacity: int, shares: dict[TenantId, int] | None = None) -> AsyncIterator[Competition]:
    made = Competition(capacity, shares)
    try:
        yield made
    finally:
        await made.end()
        assert made.slots.held == 0


async def test_one_tenant_may_hold_all_and_no_more() -> None:
    async with competing(4) as made:
        for _ in range(4):
            await made.enter(A)
        with pytest.raises(Refused) as caught:
            await made.enter(A)
        assert caught.value.reason is Reason.OVERLOADED
        assert caught.value.retry_after
        assert made.metric("locution_slots_held") == made.metric("locution_slots_held_most") == 4


async def test_a_tenant_below_its_floor_takes_the_newest_lent_slot() -> None:
    async with competing(4) as made:
        held = [await made.enter(A) for _ in range(4)]
        await made.enter(B)
        assert [task.done() for task in held] == [False, False, False, True]
        with pytest.raises(Refused) as caught:
            held[3].result()
        assert caught.value.reason is Reason.OVERLOADED
        await made.enter(B)
        assert made.counts() == {A: 2, B: 2}
        for tenant_id in (A, B):
            with pytest.raises(Refused):
                await made.enter(tenant_id)
        await made.enter(C)
        assert made.counts()[C] == 1
        assert made.metric("locution_slots_taken_back_total") == 3


async def test_shares_weigh_the_floors() -> None:
    async with competing(8, {A: 1, B: 3}) as made:
        for _ in range(8):
            await made.enter(A)
        for _ in range(6):
            await made.enter(B)
        with pytest.raises(Refused):
            await made.enter(B)
        assert made.counts() == {A: 2, B: 6}


async def test_with_more_tenants_than_slots_nobody_loses_its_only_one() -> None:
    async with competing(2) as made:
        await made.enter(A)
        await made.enter(B)
        with pytest.raises(Refused):
            await made.enter(C)
        assert made.counts() == {A: 1, B: 1}


async def test_whoever_is_below_its_floor_gets_in_whatever_happened_before() -> None:
    rng = random.Random(7)
    tenants = [TenantId(UUID(int=number)) for number in range(1, 6)]
    async with competing(11) as made:
        for _ in range(600):
            if rng.random() < 0.3 and (running := [task for _, task in made.inside if not task.done()]):
                one = rng.choice(running)
                one.cancel()
                await asyncio.wait([one])
                continue
            tenant_id, before = rng.choice(tenants), made.counts()
            contenders = {*before, tenant_id}
            floor = max(1, 11 // len(contenders))
            try:
                await made.enter(tenant_id)
            except Refused:
                assert before[tenant_id] >= floor
                assert sum(before.values()) == 11
            after = made.counts()
            assert made.slots.held == sum(after.values()) <= 11
            for other in before.keys() - {tenant_id}:
                assert after[other] >= min(before[other], floor)


async def test_work_that_does_not_end_does_not_keep_a_newcomer_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RETURN_SECONDS", 0.05)
    gone = asyncio.Event()
    async with competing(2) as made:

        async def slow() -> None:
            async with made.slots.hold(A):
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    await gone.wait()
                    raise

        await made.enter(A)
        task = asyncio.create_task(slow())
        while made.slots.held < 2:
            await asyncio.sleep(0)
        await made.enter(B)
        assert not task.done()
        gone.set()
        with pytest.raises(Refused):
            await task


async def test_what_outlives_its_call_is_reaped() -> None:
    async with competing(2) as made:
        callbacks: list[Callable[[Any], None]] = []

        async def leaking() -> None:
            async with made.slots.hold(A, callbacks.append):
                while True:
                    try:
                        await asyncio.Event().wait()
                    except asyncio.CancelledError:
                        if made.clock.monotonic() > 0:
                            raise

        task = asyncio.create_task(leaking())
        while not callbacks:
            await asyncio.sleep(0)
        task.cancel()
        callbacks[0](None)
        await made.kinds.reap()
        await asyncio.sleep(0)
        assert not task.done()
        assert not made.metric("locution_slots_reaped_total")
        made.clock.advance(ORPHANED_SECONDS)
        await made.kinds.reap()
        await asyncio.wait([task], timeout=5)
        assert task.done()
        assert made.slots.held == 0
        assert made.metric("locution_slots_reaped_total") == 1

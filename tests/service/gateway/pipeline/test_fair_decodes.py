"""Decodes are shared by tenants: by what they cost, and by a floor that a busy tenant gives back."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

from locution_gateway.jobs.models import StageKind
from locution_gateway.pipeline.models import StageWork
from locution_gateway.pipeline.policy import RetryPolicy
from locution_gateway.pipeline.worker import Limits, Worker
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import TenantId

from tests.service.gateway.pipeline.conftest import Queue, tenant, unmeasured, until
from tests.service.gateway.pipeline.test_stages import LEASE, decoded

BUSY, OTHER = TenantId(tenant(1)), TenantId(tenant(2))


class Endless:
    """Work that never ends by itself."""

    def __init__(self) -> None:
        self.running: list[tuple[TenantId, UUID]] = []

    async def do(self, work: StageWork, *_rest: Any) -> None:
        one = (work.lease.tenant_id, work.lease.job_id)
        self.running.append(one)
        try:
            await asyncio.Event().wait()
        finally:
            self.running.remove(one)

    def counts(self) -> Counter[TenantId]:
        return Counter(tenant_id for tenant_id, _ in self.running)


async def test_a_tenant_that_runs_no_decode_gets_a_lent_one(queue: Queue) -> None:
    work: Any = Endless()
    policy = RetryPolicy(5, timedelta(seconds=1), timedelta(seconds=60), timedelta(days=1))
    limits = Limits(stages=16, decodes=2, lease=LEASE, poll=timedelta(seconds=0.2))
    worker = Worker("test", queue.stages, work, policy, limits, unmeasured())
    stopping, wake = asyncio.Event(), asyncio.Event()
    running = asyncio.create_task(worker.run(stopping, wake))
    try:
        first, second, third = [await queue.job(tenant=BUSY) for _ in range(3)]
        await until(lambda: _is(work.counts() == {BUSY: 2}))
        await queue.job(tenant=OTHER)
        wake.set()
        await until(lambda: _is(work.counts() == {BUSY: 1, OTHER: 1}))
        await until(lambda: _states(queue, first, second, third, wanted=["LEASED", "READY", "READY"]))
        assert await queue.owner.fetchval("SELECT max(attempts) FROM gateway.stages WHERE state = 'READY'") == 0
        await queue.job(tenant=OTHER)
        wake.set()
        await asyncio.sleep(0.5)
        assert work.counts() == {BUSY: 1, OTHER: 1}, "nobody is below its floor"
    finally:
        stopping.set()
        await running


async def test_a_decode_costs_its_tenant_the_audio_that_came_out(queue: Queue) -> None:
    for tenant_id in (BUSY, OTHER):
        for _ in range(4):
            await queue.job(tenant=tenant_id)
    first = await queue.stages.claim("test", LEASE, (StageKind.DECODE,))
    assert first is not None
    await queue.stages.begin(first)
    await queue.stages.finish_decode(first, decoded(60))
    order = []
    while (lease := await queue.stages.claim("test", LEASE, (StageKind.DECODE,))) is not None:
        order.append(lease.tenant_id)
    assert order[:4] == [OTHER if first.tenant_id == BUSY else BUSY] * 4


async def test_a_lease_names_the_share_of_its_tenant(queue: Queue) -> None:
    await queue.owner.execute(
        "INSERT INTO gateway.tenants (tenant_id, name, share, created_by) VALUES ($1, 'other', 3, 'test')", OTHER
    )
    await queue.job(tenant=BUSY)
    await queue.job(tenant=OTHER)
    leases = [await queue.stages.claim("test", LEASE, (StageKind.DECODE,)) for _ in range(2)]
    assert {lease.tenant_id: lease.share for lease in leases if lease is not None} == {BUSY: 1, OTHER: 3}


async def _is(value: bool) -> bool:
    return value


async def _states(queue: Queue, *jobs: JobId, wanted: list[str]) -> bool:
    """Tell whether the decodes of jobs, the oldest first, are in these states."""
    return [(await queue.stage_states(job))["DECODE"][0] for job in jobs] == wanted

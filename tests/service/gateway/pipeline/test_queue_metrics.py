"""The depth of the queue, as the api's role measures it on a real Postgres."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import pytest
from locution_common import postgres as pg
from locution_gateway.jobs.models import Failure, StageKind
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.upkeep.queue import MEASURE, QueueMetrics
from prometheus_client import CollectorRegistry

from tests.bench.queue_seed import fill
from tests.service.gateway.pipeline.conftest import Queue, tenant
from tests.service.gateway.pipeline.test_stages import CRASH, LEASE, claim, decoded
from tests.support.plans import plans

NAMES = ("stages", "audio_seconds", "oldest_seconds", "tenants", "leased_stages")
NONE = dict.fromkeys(NAMES, 0.0)


@dataclass(frozen=True)
class Depth:
    """The metrics and what they show."""

    metrics: QueueMetrics
    registry: CollectorRegistry

    async def read(self, kind: StageKind) -> dict[str, float | None]:
        """Measure, and return the figures of a kind."""
        await self.metrics.measure()
        return {
            name: self.registry.get_sample_value(f"locution_queue_{name}", {"kind": kind.lower()}) for name in NAMES
        }


@pytest.fixture
async def depth(gateway_database: str) -> AsyncIterator[Depth]:
    async with pg.open_pool(gateway_database.replace("postgres@", "locution_api@"), size=1) as pool:
        registry = CollectorRegistry()
        yield Depth(QueueMetrics(TenantDatabase(pool), registry), registry)


async def test_what_waits_and_what_is_held_is_measured_by_kind(queue: Queue, depth: Depth) -> None:
    assert [await depth.read(kind) for kind in StageKind] == [NONE] * len(StageKind)
    await queue.job()
    lease = await claim(queue)
    await queue.stages.begin(lease)
    await queue.stages.finish_decode(lease, decoded(3))
    await queue.job(tenant=tenant(1))
    await queue.job(tenant=tenant(2))
    held = await claim(queue, StageKind.TRANSCRIBE)
    waiting = await depth.read(StageKind.TRANSCRIBE)
    assert waiting | {"oldest_seconds": 0} == NONE | {
        "stages": 2, "audio_seconds": 120, "tenants": 1, "leased_stages": 1,
    }  # fmt: skip
    assert waiting["oldest_seconds"]
    decode = await depth.read(StageKind.DECODE)
    assert (decode["stages"], decode["tenants"], decode["audio_seconds"]) == (2, 2, 0)
    await queue.stages.begin(held)
    assert (await depth.read(StageKind.CLUSTER)) == NONE


async def test_the_oldest_waits_since_it_was_ready_or_tried(queue: Queue, depth: Depth) -> None:
    await queue.job()
    await queue.owner.execute("UPDATE gateway.stages SET ready_time = now() - interval '90 seconds'")
    assert 90 <= ((await depth.read(StageKind.DECODE))["oldest_seconds"] or 0) < 150
    lease = await claim(queue)
    await queue.owner.execute("UPDATE gateway.stages SET start_time = now() - interval '600 seconds'")
    await queue.stages.give_back(lease, Failure(CRASH.reason, "full"), timedelta(minutes=1), timedelta(days=1))
    assert 600 <= ((await depth.read(StageKind.DECODE))["oldest_seconds"] or 0) < 700


async def test_a_stage_whose_worker_is_silent_waits(queue: Queue, depth: Depth) -> None:
    await queue.job()
    await claim(queue)
    await queue.owner.execute("UPDATE gateway.stages SET lease_until = now() - interval '1 second'")
    found = await depth.read(StageKind.DECODE)
    assert (found["stages"], found["tenants"], found["leased_stages"]) == (1, 1, 0)


async def test_figures_that_can_no_longer_be_measured_are_not_shown(queue: Queue, depth: Depth) -> None:
    await queue.job()
    assert (await depth.read(StageKind.DECODE))["stages"] == 1
    await queue.owner.execute("REVOKE EXECUTE ON FUNCTION gateway.measure_queue FROM locution_api")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await depth.metrics.measure()
    assert depth.registry.get_sample_value("locution_queue_stages", {"kind": "decode"}) is None


async def test_a_stage_whose_upload_is_not_verified_does_not_wait(queue: Queue, depth: Depth) -> None:
    await queue.job()
    await queue.owner.execute("UPDATE gateway.stages SET ready_time = 'infinity'")
    assert await depth.read(StageKind.DECODE) == NONE


async def test_finished_stages_are_not_read(queue: Queue, gateway_database: str) -> None:
    await fill(gateway_database, 2_000, 20_000)
    plan = await plans(queue.owner, MEASURE)
    assert "stages_open" in plan, plan
    assert "Seq Scan on stages" not in plan, plan


async def test_a_leased_stage_leaves_the_waiting(queue: Queue, depth: Depth) -> None:
    await queue.job()
    assert (await depth.read(StageKind.DECODE))["stages"] == 1
    assert await queue.stages.claim("test", LEASE, tuple(StageKind))
    assert await depth.read(StageKind.DECODE) == NONE | {"leased_stages": 1}

"""The queue's hot statements use their indexes beside a backlog and a history, within their functions too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from locution_gateway.jobs.models import StageKind
from locution_gateway.jobs.postgres import stage_sql as sql
from locution_speech.clock import SAMPLE_RATE

from tests.bench.queue_seed import fill
from tests.service.gateway.pipeline.conftest import Queue
from tests.support.plans import plans

QUEUED, FINISHED = 2_000, 20_000
LEASE = timedelta(seconds=15)


@pytest.fixture
async def filled(queue: Queue, gateway_database: str) -> Queue:
    await fill(gateway_database, QUEUED, FINISHED)
    return queue


async def test_a_claim_reads_what_is_ready_and_no_history(filled: Queue) -> None:
    plan = await plans(filled.owner, sql.CLAIM, "worker", LEASE, ["TRANSCRIBE"], SAMPLE_RATE, [])
    (taken,) = [part for part in plan.split("duration:") if "UPDATE stages SET" in part]
    assert "using stages_ready" in taken, plan
    assert "Sort Key" not in taken, plan
    assert "Seq Scan on stages" not in plan, plan


async def test_what_a_silent_worker_held_is_found_by_its_lease(filled: Queue) -> None:
    plan = await plans(filled.owner, sql.EXPIRED, 100)
    assert "stages_leased" in plan, plan
    assert "Seq Scan on stages" not in plan, plan


async def test_a_heartbeat_reads_what_is_held_at_most(filled: Queue) -> None:
    lease = await filled.stages.claim("worker", LEASE, tuple(StageKind))
    assert lease is not None
    plan = await plans(filled.owner, sql.RENEW, lease.stage_id, lease.token, LEASE, 1)
    assert "using stages_pkey" in plan or "using stages_leased" in plan, plan
    assert "Seq Scan" not in plan, plan

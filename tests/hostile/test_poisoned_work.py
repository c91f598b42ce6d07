"""Rows of a tenant break at any moment while jobs of ten tenants run: the jobs of the others finish, and so does the worker."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import asyncpg
import pytest

from tests.hostile.rows import Corruption, corrupt, corruptions
from tests.hostile.sizes import size
from tests.service.gateway.pipeline.conftest import gateway_database, owner, postgres, tenant, until
from tests.service.gateway.pipeline.test_worker import World, recording, world
from tests.support.s3 import S3Server, bucket, s3

__all__ = ["bucket", "gateway_database", "postgres", "s3"]

pytestmark = pytest.mark.timeout(3000)

ROUNDS = size("ROUNDS", 2, 25)
"""How often each tenant gets a job."""

POISONED = tenant(99)
OTHERS = [tenant(number) for number in range(1, 11)]


async def poison(connection: asyncpg.Connection[object], every: list[Corruption], counts: Counter[str]) -> None:
    """Break rows of one tenant, one after the other, until cancelled."""
    rng = random.Random(5)
    while True:
        stored = await corrupt(connection, POISONED, rng.choice(every))
        counts["stored" if stored else "refused or absent"] += 1
        await asyncio.sleep(0.005)


async def submitted(here: World, first: int) -> None:
    """Give every tenant a job, and the poisoned one three, each with a recording of its own."""
    for number, tenant_id in enumerate([*OTHERS, POISONED, POISONED, POISONED], first):
        try:
            await here.submit(recording(5 + number / 100), diarize=False, tenant_id=tenant_id)
        except asyncpg.IntegrityConstraintViolationError:  # by what is broken
            assert tenant_id == POISONED


async def test_the_jobs_of_other_tenants_finish(
    gateway_database: str, s3: S3Server, bucket: str, capsys: pytest.CaptureFixture[str]
) -> None:
    counts: Counter[str] = Counter()
    async with world(gateway_database, s3, bucket, lease_seconds=2) as here, owner(gateway_database) as connection:
        every = await corruptions(connection)
        breaking = asyncio.create_task(poison(connection, every, counts))
        try:
            for number in range(ROUNDS):
                await submitted(here, 20 * number)
                await until(lambda: _finished(here), 120)
        finally:
            breaking.cancel()
            outcome = (await asyncio.gather(breaking, return_exceptions=True))[0]
        assert isinstance(outcome, asyncio.CancelledError), outcome
        health = here.worker.context.health
        assert not health.failing_tasks
        assert set(health.faults) <= {"start"}
        states = await here.owner.fetch(
            "SELECT tenant_id = $1 AS poisoned, state, count(*) FROM gateway.jobs GROUP BY 1, 2", POISONED
        )
        with capsys.disabled():
            print(f"\npoisoned work: {dict(counts)}, {[tuple(row) for row in states]}")
    assert counts["stored"] > 20
    assert {row["state"] for row in states if not row["poisoned"]} == {"SUCCEEDED"}


async def _finished(here: World) -> bool:
    left = "SELECT count(*) FROM gateway.jobs WHERE tenant_id = ANY ($1) AND state IN ('QUEUED', 'RUNNING')"
    return not await here.owner.fetchval(left, OTHERS)

"""Rows that cannot be processed: they end on their own, and the rows of all other tenants are processed as before."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from locution_gateway.jobs.models import StageKind
from locution_gateway.jobs.postgres import rows
from locution_gateway.pipeline.models import LeaseLostError
from locution_gateway.platform.ids import JobId, new_id
from locution_gateway.platform.troubled import TroubledRows, Work

from tests.service.gateway.pipeline.conftest import Queue, config, tenant

TENANTS = 2_000
LEASE = timedelta(seconds=60)

POISONS = {
    "a configuration that is empty": "{}",
    "a configuration of another type": "[]",
    "a model without a path": json.dumps({**rows.CONFIG.dump(config(False)), "asr_model": {}}),
    "an unknown task": json.dumps({**rows.CONFIG.dump(config(False)), "task": "SING"}),
}


async def poison(queue: Queue, job_id: JobId, value: str) -> None:
    await queue.owner.execute(
        "UPDATE gateway.jobs SET effective_config = $2 WHERE job_id = $1", job_id, json.loads(value)
    )


async def error_of(queue: Queue, job_id: JobId) -> Any:
    return await queue.owner.fetchval("SELECT error FROM gateway.jobs WHERE job_id = $1", job_id)


@pytest.mark.parametrize("value", POISONS.values(), ids=POISONS)
async def test_an_unreadable_job_ends_when_its_stage_is_begun(queue: Queue, value: str) -> None:
    job_id, other = await queue.job(), await queue.job()
    await poison(queue, job_id, value)
    for _ in range(2):
        lease = await queue.stages.claim("w", LEASE, (StageKind.DECODE,))
        assert lease is not None
        if lease.job_id == job_id:
            with pytest.raises(LeaseLostError):
                await queue.stages.begin(lease)
        else:
            await queue.stages.begin(lease)
    assert await queue.state(job_id) == "FAILED"
    assert (await error_of(queue, job_id))["reason"] == "ROW_UNREADABLE"
    assert await queue.stage_states(job_id) == {"DECODE": ["CANCELLED"]}
    assert await queue.state(other) == "RUNNING"


async def test_an_unreadable_job_ends_when_its_worker_went_silent(queue: Queue) -> None:
    job_id = await queue.job()
    assert await queue.stages.claim("dies", timedelta(), tuple(StageKind)) is not None
    await poison(queue, job_id, "{}")
    await queue.stages.reap(5, timedelta(), 10)
    assert await queue.state(job_id) == "FAILED"
    assert (await error_of(queue, job_id))["reason"] == "ROW_UNREADABLE"


async def test_a_retention_of_an_earlier_release_is_read_as_the_longest(queue: Queue) -> None:
    """The check of the column keeps such a value out today; a database of an earlier release may hold it."""
    job_id = await queue.job()
    await queue.owner.execute("ALTER TABLE gateway.jobs DROP CONSTRAINT bounds_retention")
    far = {**rows.CONFIG.dump(config(False)), "retention": "P999999999D"}
    await queue.owner.execute("UPDATE gateway.jobs SET effective_config = $1, cancel_requested = true", far)
    assert await queue.stages.claim("dies", timedelta(), tuple(StageKind)) is not None
    await queue.stages.reap(1, timedelta(), 10)
    assert await queue.state(job_id) == "CANCELLED"
    kept = await queue.owner.fetchval("SELECT expire_time - end_time FROM gateway.jobs")
    assert abs(kept - timedelta(days=36_500)) < timedelta(seconds=1)


async def test_no_value_beyond_a_bound_is_stored(queue: Queue) -> None:
    await queue.job()
    for change in (
        "effective_config = jsonb_set(effective_config, '{retention}', '\"P36501D\"')",
        "expire_time = 'infinity'",
        "expire_time = '9999-01-01Z'",
        "audio_samples = 9223372036854775807",
        "version = 9223372036854775807",
    ):
        with pytest.raises(Exception, match=r"violates check constraint"):
            await queue.owner.execute(f"UPDATE gateway.jobs SET {change}")


async def test_every_number_and_time_of_the_schema_has_two_ends(queue: Queue) -> None:
    free = await queue.owner.fetch(
        """SELECT c.table_name || '.' || c.column_name FROM information_schema.columns c
           JOIN information_schema.tables t USING (table_schema, table_name)
           WHERE c.table_schema = 'gateway' AND t.table_type = 'BASE TABLE' AND c.table_name <> 'schema_migrations'
             AND c.data_type IN ('timestamp with time zone', 'bigint', 'integer', 'smallint', 'double precision', 'interval')
             AND NOT EXISTS (
                 SELECT FROM pg_constraint p WHERE p.contype = 'c' AND p.conrelid = ('gateway.' || c.table_name)::regclass
                   AND pg_get_constraintdef(p.oid) ~ (c.column_name || '"? >= .*' || c.column_name || '"? <= '))"""
    )
    assert [row[0] for row in free] == []


async def test_each_tenth_of_two_thousand_tenants_has_a_poisoned_row(queue: Queue) -> None:
    """All stages are held by a worker that went silent; one round after the other returns those that can be returned."""
    jobs = [(JobId(new_id()), tenant(number), "{}" if number % 10 == 0 else None) for number in range(1, TENANTS + 1)]
    good = rows.CONFIG.dump(config(False))
    await queue.owner.executemany(
        """INSERT INTO gateway.jobs (job_id, tenant_id, created_by, state, upload_id, requested_config, effective_config)
           VALUES ($1, $2, 'test', 'RUNNING', $1, '{}', $3)""",
        [(job, owner, good if value is None else {}) for job, owner, value in jobs],
    )
    await queue.owner.executemany(
        """INSERT INTO gateway.stages (stage_id, job_id, tenant_id, kind, state, attempts, lease_token, lease_until)
           VALUES ($1, $2, $3, 'DECODE', 'LEASED', 1, $1, now() - interval '1 hour')""",
        [(new_id(), job, owner) for job, owner, _ in jobs],
    )
    # Every fiftieth cannot even be ended: its last event is at the end of its bounds.
    await queue.owner.execute(
        "UPDATE gateway.jobs SET last_event = 1152921504606846976 WHERE job_id = ANY ($1)",
        [job for index, (job, _, _) in enumerate(jobs, 1) if index % 50 == 0],
    )
    rounds = 0
    while rounds < 2 * TENANTS / 100 and await queue.stages.reap(5, timedelta(hours=1), 100):
        rounds += 1
    left = await queue.owner.fetch("SELECT tenant_id FROM gateway.stages WHERE state = 'LEASED'")
    assert {row["tenant_id"] for row in left} == {tenant(number) for number in range(50, TENANTS + 1, 50)}
    states = await queue.owner.fetch("SELECT state, count(*) FROM gateway.stages GROUP BY state")
    assert dict(states) == {"READY": TENANTS * 9 // 10, "CANCELLED": TENANTS * 8 // 100, "LEASED": TENANTS * 2 // 100}
    failed = await queue.owner.fetchval("SELECT count(*) FROM gateway.troubled_rows WHERE work = $1", Work.EXPIRE_STAGE)
    assert failed == TENANTS * 2 // 100


async def test_a_row_that_keeps_failing_is_set_aside_and_listed(queue: Queue, troubled: TroubledRows) -> None:
    tried = 0

    async def fails() -> None:
        nonlocal tried
        tried += 1
        raise ValueError("a poisoned row\0")

    row = (UUID(int=7), "the row", fails)
    aside = [await troubled.attempt(Work.EXPIRE_JOB, [row]) for _ in range(Work.EXPIRE_JOB.most_failures)]
    assert [bool(each) for each in aside] == [False] * (Work.EXPIRE_JOB.most_failures - 1) + [True]
    (listed,) = await troubled.list(10)
    assert (listed.work, listed.row_id, listed.tenant_id) == (Work.EXPIRE_JOB, "the row", UUID(int=7))
    assert (listed.failures, listed.set_aside) == (tried, True)
    assert listed.error == "ValueError: a poisoned row"
    assert not await queue.owner.fetchval("SELECT gateway.may_try('expire job', 'the row')")


async def test_a_row_that_recovers_is_forgotten(troubled: TroubledRows) -> None:
    outcomes = iter([ValueError("for a moment"), None])

    async def recovers() -> None:
        if error := next(outcomes):
            raise error

    for _ in range(2):
        assert await troubled.attempt(Work.EXPIRE_JOB, [(UUID(int=7), 1, recovers)]) == []
    assert await troubled.list(10) == ()

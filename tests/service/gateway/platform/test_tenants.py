"""No tenant sees another: neither through the stores, nor by any statement of the role that the api connects as."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest
from locution.v1 import job_service_pb2 as jobs
from locution_common.channels import open_channel
from locution_common.errors import Reason
from locution_common.postgres import open_pool
from locution_gateway.jobs.models import JobChange
from locution_gateway.jobs.postgres.events import PostgresEvents
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.jobs.postgres.state_machine import JobStateMachine
from locution_gateway.jobs.postgres.upload_jobs import PostgresUploadJobs
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import JobId, UploadId, new_id
from locution_gateway.platform.listing import Filter, PageQuery
from locution_gateway.platform.principal import DEFAULT_TENANT, Principal, Role, TenantId
from locution_gateway.transcripts.postgres import PostgresTranscripts
from locution_gateway.uploads.models import Seal, Tail, UploadPart
from locution_gateway.uploads.postgres import PostgresUploads

from tests.service.gateway.client import Client, reason
from tests.service.gateway.conftest import KEY, Gateway, Serve
from tests.service.gateway.hand_worker import HandWorker
from tests.support.refusals import refusal

STRANGER = Principal(TenantId(uuid4()), "stranger", Role.OPERATOR)

TENANT_TABLES = """
SELECT c.relname, c.relrowsecurity FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'tenant_id'
WHERE c.relnamespace = 'gateway'::regnamespace AND c.relkind = 'r' ORDER BY c.relname
"""

# The claim's own bookkeeping: no names, no content.
OPEN_TABLES = {"queue_clocks"}


@dataclass
class Things:
    """What the default tenant has."""

    upload: UploadId
    job: JobId


@pytest.fixture
async def things(gateway: Gateway, worker: HandWorker) -> Things:
    upload = await gateway.client.upload(b"RIFF")
    job = await gateway.client.job(upload.name, request_id="one")
    await worker.run()
    await gateway.client.new_upload()
    return Things(UploadId(UUID(upload.name.removeprefix("uploads/"))), JobId(UUID(job.name.removeprefix("jobs/"))))


@pytest.fixture
async def database(gateway_database: str) -> AsyncIterator[TenantDatabase]:
    async with open_pool(gateway_database.replace("postgres@", "locution_api@"), size=2) as pool:
        yield TenantDatabase(pool)


async def test_row_level_security_hides_every_table(gateway: Gateway, things: Things, database: TenantDatabase) -> None:
    await gateway.owner.execute("GRANT ALL ON ALL TABLES IN SCHEMA gateway TO locution_api")  # this wall alone
    tables = await gateway.owner.fetch(TENANT_TABLES)
    assert len(tables) > 10
    for table, secured in tables:
        if table in OPEN_TABLES:
            continue
        assert secured, f"{table} has no row level security"
        async with database.transaction(STRANGER) as connection:
            assert await connection.fetchval(f"SELECT count(*) FROM gateway.{table}") == 0, table
            for statement in (f"DELETE FROM gateway.{table}", f"UPDATE gateway.{table} SET tenant_id = tenant_id"):
                assert (await connection.execute(statement)).endswith(" 0"), table
        async with database.across_tenants() as connection:
            assert await connection.fetchval(f"SELECT count(*) FROM gateway.{table}") == 0, table


async def test_rows_of_another_tenant_cannot_be_made(things: Things, database: TenantDatabase) -> None:
    statement = "INSERT INTO gateway.deletions (tenant_id, object_key) VALUES ($1, 'uploads/')"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction(STRANGER) as connection:
            await connection.execute(statement, DEFAULT_TENANT)


async def test_the_tenant_ends_with_its_transaction(things: Things, database: TenantDatabase) -> None:
    owner = Principal(DEFAULT_TENANT, "x", Role.MEMBER)
    async with database.transaction(owner) as connection:
        assert await connection.fetchval("SELECT count(*) FROM gateway.jobs") == 1
    for _ in range(5):
        async with database.across_tenants() as connection:
            assert await connection.fetchval("SELECT count(*) FROM gateway.jobs") == 0


async def test_uploads_of_another_tenant_are_absent(things: Things, database: TenantDatabase) -> None:
    store = PostgresUploads(database, PostgresUploadJobs(JobStateMachine(timedelta(days=1))))
    upload, token, lease = things.upload, uuid4(), timedelta(seconds=1)
    part = UploadPart(1, 5, "etag")
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.get(STRANGER, upload),
        lambda: store.begin_stream(STRANGER, upload, 0, token),
        lambda: store.begin_multipart(STRANGER, upload, token, "m"),
        lambda: store.begin_multipart(STRANGER, upload, None, "m"),
        lambda: store.next_part(STRANGER, upload, token, 1),
        lambda: store.commit_part(STRANGER, upload, token, part, lease),
        lambda: store.commit_tail(STRANGER, upload, token, Tail("k", 1), lease),
        lambda: store.seal(STRANGER, upload, None, Seal()),
        lambda: store.delete(STRANGER, upload, None),
    ]
    for call in calls:
        with refusal(Reason.UPLOAD_NOT_FOUND):
            await call()
    assert (await store.list(STRANGER, PageQuery(10))).rows == ()
    assert await store.claim_verification(STRANGER, upload, token, lease) is None
    assert not await store.renew_verification(STRANGER, upload, token, lease)


async def test_jobs_of_another_tenant_are_absent(things: Things, database: TenantDatabase) -> None:
    store = PostgresJobs(database, JobStateMachine(timedelta(days=1)))
    events, transcripts, job = PostgresEvents(database), PostgresTranscripts(database), things.job
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.get(STRANGER, job),
        lambda: store.cancel(STRANGER, job),
        lambda: store.retry(STRANGER, job, JobId(new_id()), "", None),
        lambda: store.update(STRANGER, job, None, JobChange(display_name="mine")),
        lambda: store.delete(STRANGER, job, None),
        lambda: events.head(STRANGER, job),
        lambda: transcripts.summary(STRANGER, job),
    ]
    for call in calls:
        with refusal(Reason.JOB_NOT_FOUND):
            await call()
    with refusal(Reason.UPLOAD_NOT_FOUND):
        await store.check_upload(STRANGER, things.upload)
    assert (await store.list(STRANGER, PageQuery(10))).rows == ()
    assert await store.count(STRANGER, Filter(), 10) == 0
    assert await store.delete_finished(STRANGER, Filter(), 10) == 0
    assert (await store.backlog(STRANGER, None)).jobs == 0
    assert await events.read(STRANGER, job, 0, 10) == []
    assert await transcripts.segments(STRANGER, job, 0, 10) == []
    assert await transcripts.sections(STRANGER, job, 0, 10) == []


async def test_only_the_known_key_is_let_in(gateway: Gateway) -> None:
    for token in (None, "wrong", KEY[:-1]):
        async with open_channel(gateway.running.address, token=token) as channel:
            call = Client(channel).jobs.ListJobs(jobs.ListJobsRequest())
            assert await reason(call) == "UNAUTHENTICATED"


async def test_an_api_whose_role_is_not_bound_is_not_healthy_in_production(serve: Serve, gateway_database: str) -> None:
    async with serve() as bound:
        await bound.running.context.health.check()
        assert bound.running.context.health.faults == {}
    async with serve(database_url=gateway_database) as unbound:
        await unbound.running.context.health.check()
        (fault,) = unbound.running.context.health.faults.items()
    assert fault[0] == "row_level_security"
    assert "a role that owns no table" in fault[1]

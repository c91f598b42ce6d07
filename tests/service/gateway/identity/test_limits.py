"""Rates, quotas, admission and usage at real apis over one Postgres."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import asyncpg
import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import upload_service_pb2 as uploads
from locution_common.interceptors import RemoteFailure, remote_failure
from locution_gateway.jobs.models import StageKind
from locution_gateway.pipeline.models import LeaseLostError, SectionResult
from locution_gateway.quotas.known import KnownQuotas
from locution_gateway.transcripts import codec as transcripts_codec

from tests.service.gateway.client import Client, reason, refusal
from tests.service.gateway.conftest import Gateway, Serve
from tests.service.gateway.hand_worker import HandWorker, spoken
from tests.service.gateway.identity.test_credentials import caller, small_world
from tests.service.gateway.identity.world import World, new_key

Limit = Callable[..., Awaitable[administration.Quotas]]


@pytest.fixture
def limit(monkeypatch: pytest.MonkeyPatch) -> Limit:
    """Set quotas of acme, and wait until the api has been told."""
    told, heard = KnownQuotas.told, asyncio.Event()

    def hear(known: KnownQuotas, notice: str) -> None:
        told(known, notice)
        heard.set()

    monkeypatch.setattr(KnownQuotas, "told", hear)

    async def change(world: World, **limits: Any) -> administration.Quotas:
        quotas = administration.Quotas(name="tenants/acme/quotas", limits=identity.QuotaLimits(**limits))
        request = administration.UpdateQuotasRequest(quotas=quotas)
        request.update_mask.paths.extend(f"limits.{name}" for name in limits)
        heard.clear()
        changed = await (await world.administration()).UpdateQuotas(request)
        async with asyncio.timeout(30):
            await heard.wait()
        return changed

    return change


@pytest.fixture
async def small(limit: Limit, api: Gateway) -> AsyncIterator[World]:
    async with small_world(api) as made:
        yield made


async def quotas(world: World) -> administration.Quotas:
    admin = await world.administration(world.mine.keys["ADMIN"])
    return await admin.GetQuotas(administration.GetQuotasRequest(name="tenants/acme/quotas"))


async def usage(world: World, **fields: str) -> administration.GetUsageResponse:
    admin = await world.administration(world.mine.keys["ADMIN"])
    return await admin.GetUsage(administration.GetUsageRequest(parent="tenants/acme", **fields))


async def member(world: World) -> Client:
    return await world.client(world.mine.keys["MEMBER"])


async def test_a_principal_that_calls_too_often_is_told_when_to_come_back(small: World, limit: Limit) -> None:
    await limit(small, calls_per_second_per_principal=5)
    token = small.mine.keys["MEMBER"]
    served, began = 0, time.monotonic()
    while (refused := await _refused(small, token)) is None:
        served += 1
    assert 5 * 2 <= served <= 5 * 2 + 5 * (time.monotonic() - began), "a slow machine may let more pass, in more time"
    assert refused.reason == "RATE_LIMITED"
    assert refused.retry_after is not None
    assert 0 < refused.retry_after <= 1
    assert (await caller(small, small.mine.keys["ADMIN"])).role == identity.ROLE_ADMIN


async def test_replicas_overshoot_by_a_slice_each_at_most(
    serve: Serve, small: World, limit: Limit, capsys: pytest.CaptureFixture[str]
) -> None:
    rate = 40.0
    await limit(small, calls_per_second=rate, calls_per_second_per_principal=rate)
    async with serve() as second, serve() as third, AsyncExitStack() as stack:
        worlds = [small, World(second, stack, small.mine, small.theirs), World(third, stack, small.mine, small.theirs)]
        start = time.monotonic()
        served = await asyncio.gather(*[_hammer(world, 50) for world in worlds])
        took = time.monotonic() - start
    bound = rate * 2 + rate * took + 3 * max(1, int(rate * 0.25))
    with capsys.disabled():
        print(f"\nrate over 3 replicas: {sum(served)} calls in {took:.2f} s, at most {bound:.0f} allowed")
    assert sum(served) <= bound


async def _hammer(world: World, calls: int) -> int:
    """Call as fast as may be until so many calls were served."""
    for _ in range(calls):
        while (refused := await _refused(world, world.mine.keys["VIEWER"])) is not None:
            assert refused.reason == "RATE_LIMITED"
            await asyncio.sleep(0.005)
    return calls


async def _refused(world: World, token: str) -> RemoteFailure | None:
    try:
        await caller(world, token)
    except grpc.aio.AioRpcError as error:
        return remote_failure(error)
    return None


async def test_more_calls_than_the_process_takes_are_refused_at_once(serve: Serve, gateway_database: str) -> None:
    async with serve(max_calls=1, max_streams=1) as api, small_world(api) as world:
        token = world.mine.keys["MEMBER"]
        async with api.owner.transaction():
            await api.owner.execute("LOCK gateway.uploads IN ACCESS EXCLUSIVE MODE")
            slow = asyncio.ensure_future((await world.client(token)).uploads.ListUploads(uploads.ListUploadsRequest()))
            async with asyncio.timeout(30):
                while not await _waits_for_a_lock(gateway_database):
                    await asyncio.sleep(0.01)
            assert await reason(caller(world, token)) == "OVERLOADED"
            assert not slow.done()
        assert (await slow).uploads == []
        assert (await caller(world, token)).role == identity.ROLE_MEMBER


async def _waits_for_a_lock(database: str) -> bool:
    connection = await asyncpg.connect(database)
    try:
        return bool(await connection.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))
    finally:
        await connection.close()


async def test_jobs_at_once_are_counted_over_replicas(serve: Serve, small: World, limit: Limit) -> None:
    await limit(small, concurrent_jobs=3)
    async with serve() as second, AsyncExitStack() as stack:
        clients = [await member(small), await member(World(second, stack, small.mine, small.theirs))]
        upload = await clients[0].upload(b"sound")
        made = await asyncio.gather(*[clients[n % 2].job(upload.name) for n in range(10)], return_exceptions=True)
        assert sum(isinstance(one, jobs.Job) for one in made) == 3
        refused = await refusal(clients[1].job(upload.name))
    assert (refused.reason, refused.metadata) == ("QUOTA_EXCEEDED", {"quota": "concurrent_jobs"})
    assert (await quotas(small)).use.concurrent_jobs == 3


async def test_streams_at_once_are_counted_over_replicas(serve: Serve, small: World, limit: Limit) -> None:
    await limit(small, concurrent_streams=2)
    async with serve() as second, AsyncExitStack() as stack:
        clients = [await member(small), await member(World(second, stack, small.mine, small.theirs))]
        upload = await clients[0].upload(b"sound")
        job = await clients[0].job(upload.name)
        request = jobs.WatchJobRequest(name=job.name)
        held = [client.jobs.WatchJob(request) for client in clients]
        for stream in held:
            assert await stream.read()
        refused = clients[0].jobs.WatchJob(request)
        assert await reason(refused.read()) == "QUOTA_EXCEEDED"
        assert (await quotas(small)).use.concurrent_streams == 2
        held[0].cancel()
        async with asyncio.timeout(30):
            while (await quotas(small)).use.concurrent_streams != 1:
                await asyncio.sleep(0.05)
        third = clients[0].jobs.WatchJob(request)
        assert await third.read()
        for stream in (held[1], third):
            stream.cancel()


async def test_bytes_and_keys_are_bounded(small: World, limit: Limit) -> None:
    client = await member(small)
    await client.upload(b"x" * 900)
    await limit(small, stored_bytes=1000, api_keys=5)
    assert (await quotas(small)).use.stored_bytes == 900
    assert await reason(client.new_upload(size_bytes=101)) == "QUOTA_EXCEEDED"
    await client.new_upload(size_bytes=100)
    assert await reason(client.new_upload()) == "QUOTA_EXCEEDED"
    await new_key(small, "acme", "MEMBER")
    assert await reason(new_key(small, "acme", "MEMBER")) == "QUOTA_EXCEEDED"


async def test_charged_is_what_was_delivered_and_a_retry_is_not_charged_again(small: World, worker: HandWorker) -> None:
    """One section of three fails, the job fails at its join and is retried: each section is charged once."""
    client = await member(small)
    upload = await client.upload(b"sound")
    first = await client.job(upload.name, config={"diarization": {"enabled": False}})
    await worker.decode(sections=3)
    await worker.transcribe()
    await worker.transcribe()
    await worker.fail(StageKind.TRANSCRIBE)
    assert await _charged(small) == 20
    await worker.fail(StageKind.JOIN)
    assert (await client.get_job(first.name)).state == jobs.Job.STATE_FAILED
    again = await client.jobs.RetryJob(jobs.RetryJobRequest(name=first.name))
    await worker.transcribe()
    await worker.join(3, speakers=False)
    assert (await client.get_job(again.name)).state == jobs.Job.STATE_SUCCEEDED
    assert await _charged(small) == 30
    report = await usage(small)
    subject = (await caller(small, small.mine.keys["MEMBER"])).subject
    assert [(row.subject, row.audio_duration.seconds, row.job_count) for row in report.rows] == [(subject, 30, 2)]
    assert report.total.uploaded_bytes == 5
    assert (await usage(small, subject="key:nobody")).total.audio_duration.seconds == 0
    await client.jobs.DeleteJob(jobs.DeleteJobRequest(name=again.name))
    assert await _charged(small) == 30


async def _charged(world: World) -> int:
    return (await usage(world)).total.audio_duration.seconds


async def test_a_stage_that_is_taken_over_is_charged_once(small: World, worker: HandWorker) -> None:
    client = await member(small)
    await client.job((await client.upload(b"sound")).name, config={"diarization": {"enabled": False}})
    await worker.decode(sections=1)
    stale = await worker.begin(StageKind.TRANSCRIBE)
    expire = "UPDATE gateway.stages SET lease_until = now() - interval '1 second' WHERE kind = 'TRANSCRIBE'"
    await small.api.owner.execute(expire)
    await worker.stages.reap(5, timedelta(), 10)
    await worker.transcribe()
    with pytest.raises(LeaseLostError):
        await worker.stages.finish_section(stale, SectionResult(transcripts_codec.dump_section(spoken(0)), 1.0))
    assert await _charged(small) == 10


async def test_audio_is_bounded_by_day_and_month(small: World, limit: Limit, worker: HandWorker) -> None:
    client = await member(small)
    upload = await client.upload(b"sound")
    await limit(small, audio_duration_per_day=Duration(seconds=20))
    await client.job(upload.name, config={"diarization": {"enabled": False}})
    await worker.decode(sections=2)
    standing = await quotas(small)
    assert standing.use.audio_duration_pending.seconds == 20
    refused = await refusal(client.job(upload.name))
    assert (refused.reason, refused.metadata) == ("QUOTA_EXCEEDED", {"quota": "audio_duration_per_day"})
    assert refused.retry_after is not None
    assert 0 < refused.retry_after <= 86_400
    await worker.transcribe()
    await worker.transcribe()
    await worker.join(2, speakers=False)
    assert (await quotas(small)).use.audio_duration_today.seconds == 20
    assert await reason(client.job(upload.name)) == "QUOTA_EXCEEDED"
    await limit(small, audio_duration_per_day=Duration(seconds=25))
    estimate = await client.jobs.EstimateJob(jobs.EstimateJobRequest(audio_duration=Duration(seconds=60)))
    assert (estimate.quota_duration.seconds, estimate.quota_remaining_duration.seconds) == (60, 5)
    await client.job(upload.name)


async def test_quotas_have_an_etag(small: World, limit: Limit) -> None:
    first = await limit(small, api_keys=7)
    await limit(small, open_uploads=9)
    stale = administration.Quotas(name="tenants/acme/quotas", limits=identity.QuotaLimits(api_keys=1), etag=first.etag)
    operator = await small.administration()
    request = administration.UpdateQuotasRequest(quotas=stale)
    assert await reason(operator.UpdateQuotas(request)) == "ETAG_MISMATCH"
    now = await quotas(small)
    assert (now.limits.api_keys, now.limits.open_uploads) == (7, 9)
    assert now.effective.concurrent_jobs == 1000
    request.update_mask.paths.append("limits.nothing")
    assert await reason(operator.UpdateQuotas(request)) == "UPDATE_MASK_INVALID"


async def test_a_flood_of_logins_is_bounded_by_address(serve: Serve) -> None:
    async with serve(anonymous_calls_per_second=2.0) as api, small_world(api) as world:
        anybody = await world.account(None)
        began = time.monotonic()
        asked = [
            anybody.Login(accounts.LoginRequest(tenant="acme", email=f"x{n}@acme.example", password="wrong"))
            for n in range(12)
        ]
        answers = await asyncio.gather(*[refusal(call) for call in asked])
        took = time.monotonic() - began
        assert sum(one.reason != "RATE_LIMITED" for one in answers) <= 2 * 2 + 2 * took

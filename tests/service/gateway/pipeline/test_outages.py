"""What the worker needs is away for a while: stages wait for it, use no attempt, and go on soon after it is back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import grpc
import pytest
from locution.engine.v1 import asr_service_pb2_grpc
from locution_common.settings import ObjectStoreSettings

from tests.chaos.proxy import FaultProxy
from tests.service.gateway.pipeline.conftest import until
from tests.service.gateway.pipeline.fake_engines import Behaviour, FakeAsr
from tests.service.gateway.pipeline.test_worker import World, recording, world
from tests.support.processes import free_ports
from tests.support.s3 import S3Server, bucket, s3

__all__ = ["bucket", "s3"]

PROMISE = 60.0
"""Seconds within which work goes on after what it needs is back."""


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultProxy]:
    proxy = FaultProxy(s3.endpoint)
    yield proxy
    proxy.close()


async def _given_back(here: World) -> bool:
    row = await here.owner.fetchrow("SELECT * FROM gateway.stages WHERE kind = 'TRANSCRIBE'")
    return row is not None and row["state"] == "READY" and row["reason"] is not None


async def test_an_engine_out_of_reach_uses_no_attempt(gateway_database: str, s3: S3Server, bucket: str) -> None:
    (port,) = free_ports(1)
    changes = {"asr_address": f"127.0.0.1:{port}", "max_attempts": 1}
    async with world(gateway_database, s3, bucket, **changes) as here:
        job = await here.submit(recording(8), diarize=False)
        await until(lambda: _given_back(here))
        row = await here.owner.fetchrow("SELECT attempts, reason FROM gateway.stages WHERE kind = 'TRANSCRIBE'")
        assert row["attempts"] == 0, row
        server = grpc.aio.server()
        asr_service_pb2_grpc.add_AsrServiceServicer_to_server(FakeAsr(Behaviour()), server)
        server.add_insecure_port(f"127.0.0.1:{port}")
        await server.start()
        try:
            assert (await here.ended(job, 30))["state"] == "SUCCEEDED"
        finally:
            await server.stop(0)
        assert await here.owner.fetchval("SELECT attempts FROM gateway.stages WHERE kind = 'TRANSCRIBE'") == 1


@pytest.mark.timeout(120)
async def test_work_goes_on_soon_after_a_hanging_object_store_is_back(
    gateway_database: str, s3: S3Server, bucket: str, proxy: FaultProxy
) -> None:
    """The request that was swallowed is never answered; the time limit of the default settings ends it."""
    async with world(gateway_database, s3, bucket, s3_endpoint=proxy.endpoint) as here:
        swallowed = proxy.hold("/uploads/")
        job = await here.submit(recording(8), diarize=False)
        assert await asyncio.to_thread(swallowed.reached.wait, 60)
        row = await here.ended(job, PROMISE)
        assert (row["state"], row["error"]) == ("SUCCEEDED", None)
        assert not swallowed.passed.is_set()
        assert await here.owner.fetchval("SELECT max(attempts) FROM gateway.stages") == 1


def test_a_request_that_hangs_is_given_up_well_within_the_promise() -> None:
    fields = ObjectStoreSettings.model_fields
    longest = fields["s3_connect_timeout"].default + fields["s3_read_timeout"].default
    assert longest < PROMISE / 2

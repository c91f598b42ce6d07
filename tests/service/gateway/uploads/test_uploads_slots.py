"""Upload slots are shared by tenants, and a stream that brings next to nothing does not keep one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Final

import pytest
from locution.v1 import upload_service_pb2 as pb

from tests.service.gateway.client import Client, messages, reason, refusal
from tests.service.gateway.conftest import Gateway, Serve
from tests.service.gateway.identity.world import Party, World, new_tenant

WRITERS: Final = "SELECT count(*) FROM gateway.uploads WHERE writer_token IS NOT NULL"


async def test_a_tenant_gets_its_floor_back_from_one_that_holds_all_slots(serve: Serve) -> None:
    async with serve(max_write_streams=3) as gateway, AsyncExitStack() as stack:
        world = World(gateway, stack, Party("acme"), Party("umbrella"))
        for party in (world.mine, world.theirs):
            await new_tenant(world, party)
        greedy, other = [await world.client(party.keys["MEMBER"]) for party in (world.mine, world.theirs)]
        names, streams = [], []
        for _ in range(3):
            name, stream = await dripping(greedy)
            names.append(name)
            streams.append(stream)
            await writing(gateway, len(names))
        async with asyncio.timeout(30):
            upload = await other.new_upload()
            done = await other.write(upload.name, b"sound")
        assert done.state == pb.Upload.STATE_READY
        failure = await refusal(streams[2])
        assert failure.reason == "OVERLOADED"
        assert failure.retry_after
        assert not streams[0].done()
        assert not streams[1].done()
        kept = (await greedy.get_upload(names[2])).committed_bytes
        assert kept == 3
        assert (await greedy.write(names[2], b"tail", offset=kept)).state == pb.Upload.STATE_READY
        for stream in streams:
            stream.cancel()


@pytest.mark.parametrize(("rate", "silence"), [(1000, 1.0), (0, 60.0)])
async def test_a_stream_must_bring_the_minimum_rate_if_there_is_one(serve: Serve, rate: int, silence: float) -> None:
    async with serve(upload_silence_seconds=silence, upload_min_bytes_per_second=rate) as gateway:
        upload = await gateway.client.new_upload()

        async def slow() -> AsyncIterator[pb.WriteUploadRequest]:
            first, *_ = messages(upload.name, b"", 0, None)
            yield first
            for _ in range(20):
                await asyncio.sleep(0.1)
                yield pb.WriteUploadRequest(data=b"x")
            yield pb.WriteUploadRequest(finish=pb.WriteUploadFinish())

        call = gateway.client.uploads.WriteUpload(slow())
        if rate == 0:
            assert (await call).size_bytes == 20
            return
        assert await reason(call) == "DEADLINE_EXCEEDED"
        assert 0 < (await gateway.client.get_upload(upload.name)).committed_bytes < 20


async def dripping(client: Client) -> tuple[str, asyncio.Future[pb.Upload]]:
    """Begin a stream that brings three bytes and no more."""
    upload = await client.new_upload()

    async def drip() -> AsyncIterator[pb.WriteUploadRequest]:
        for message in messages(upload.name, b"abc", 0, None):
            yield message
        await asyncio.Event().wait()

    return upload.name, client.uploads.WriteUpload(drip())  # type: ignore[return-value]


async def writing(gateway: Gateway, count: int) -> None:
    """Wait until so many uploads have a writer."""
    async with asyncio.timeout(30):
        while await gateway.owner.fetchval(WRITERS) < count:
            await asyncio.sleep(0.05)

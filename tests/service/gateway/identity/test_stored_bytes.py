"""The quota of stored bytes while uploads of unstated size grow, over real apis, Postgres and S3."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack

import grpc
import pytest
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1 import upload_service_pb2 as pb
from locution_common.errors import Code
from locution_common.interceptors import remote_failure

from tests.service.gateway.client import MIB, PART, Client, messages, reason, refusal
from tests.service.gateway.conftest import Gateway, Serve
from tests.service.gateway.identity.test_credentials import small_world
from tests.service.gateway.identity.world import World
from tests.service.gateway.upload_steps import digest, put, stored


@pytest.fixture
async def small(api: Gateway) -> AsyncIterator[World]:
    async with small_world(api) as made:
        yield made


async def room(world: World, size: int) -> None:
    """Let acme store so many bytes."""
    quotas = administration.Quotas(name="tenants/acme/quotas", limits=identity.QuotaLimits(stored_bytes=size))
    request = administration.UpdateQuotasRequest(quotas=quotas)
    request.update_mask.paths.append("limits.stored_bytes")
    await (await world.administration()).UpdateQuotas(request)


async def used(world: World) -> int:
    admin = await world.administration(world.mine.keys["ADMIN"])
    return (await admin.GetQuotas(administration.GetQuotasRequest(name="tenants/acme/quotas"))).use.stored_bytes


async def member(world: World) -> Client:
    return await world.client(world.mine.keys["MEMBER"])


async def test_a_stream_that_outgrows_the_room_keeps_what_was_acknowledged(small: World) -> None:
    data = os.urandom(2 * PART + 3 * MIB)
    client = await member(small)
    await room(small, 2 * PART - 1)
    name = (await client.new_upload()).name
    refused = await refusal(client.uploads.WriteUpload(_slowly(name, data)))
    assert (refused.code, refused.reason) == (Code.RESOURCE_EXHAUSTED, "QUOTA_EXCEEDED")
    assert refused.metadata == {"quota": "stored_bytes"}
    upload = await client.get_upload(name)
    assert (upload.state, upload.committed_bytes) == (pb.Upload.STATE_WRITING, PART)
    assert await used(small) == PART
    assert await reason(client.write(name, data[PART : 2 * PART], offset=PART)) == "QUOTA_EXCEEDED"
    assert (await client.get_upload(name)).committed_bytes == PART
    await room(small, len(data))
    ready = await client.write(name, data[PART:], offset=PART, finish=digest(data))
    assert ready.state == pb.Upload.STATE_READY
    assert await stored(small.api, name) == data
    assert await used(small) == len(data)
    assert (len(small.api.keys()), small.api.multiparts()) == (1, 0)


async def test_a_tail_without_room_is_taken_back(small: World) -> None:
    client = await member(small)
    await room(small, 1000)
    name = (await client.new_upload()).name
    assert (await client.write(name, b"a" * 600, finish=None)).committed_bytes == 600
    assert await reason(client.write(name, b"b" * 401, offset=600, finish=None)) == "QUOTA_EXCEEDED"
    assert await reason(client.write(name, b"b" * 401, offset=600)) == "QUOTA_EXCEEDED"
    assert (await client.get_upload(name)).committed_bytes == 600
    assert len(small.api.keys()) == 1
    ready = await client.write(name, b"b" * 400, offset=600, finish=digest(b"a" * 600 + b"b" * 400))
    assert ready.state == pb.Upload.STATE_READY
    assert await used(small) == 1000


async def test_a_last_part_without_room_is_not_sealed(small: World) -> None:
    data = os.urandom(PART + 1000)
    client = await member(small)
    await room(small, PART + 999)
    name = (await client.new_upload()).name
    assert await reason(client.write(name, data)) == "QUOTA_EXCEEDED"
    upload = await client.get_upload(name)
    assert (upload.state, upload.committed_bytes) == (pb.Upload.STATE_WRITING, PART)
    await room(small, PART + 1000)
    ready = await client.write(name, data[PART:], offset=PART, finish=digest(data))
    assert ready.state == pb.Upload.STATE_READY
    assert await stored(small.api, name) == data


async def test_an_upload_in_parts_needs_room_before_any_part_is_sent(small: World) -> None:
    data = os.urandom(PART + 10)
    client = await member(small)
    await room(small, PART + 9)
    refused = await refusal(client.new_upload(size_bytes=len(data)))
    assert (refused.reason, refused.metadata) == ("QUOTA_EXCEEDED", {"quota": "stored_bytes"})
    await room(small, PART + 10)
    name = (await client.new_upload(size_bytes=len(data))).name
    assert await reason(client.new_upload(size_bytes=1)) == "QUOTA_EXCEEDED"
    asked = pb.CreateUploadPartUrlsRequest(name=name, part_numbers=[1, 2])
    urls = (await client.uploads.CreateUploadPartUrls(asked)).urls
    etags = [await put(urls[0], data[:PART]), await put(urls[1], data[PART:])]
    parts = [pb.UploadPart(part_number=number, etag=etag) for number, etag in enumerate(etags, 1)]
    await client.uploads.CompleteUpload(pb.CompleteUploadRequest(name=name, sha256=digest(data), parts=parts))
    async with asyncio.timeout(30):
        while (await client.get_upload(name)).state != pb.Upload.STATE_READY:
            await asyncio.sleep(0.05)
    assert await stored(small.api, name) == data


async def test_a_stated_size_that_was_let_in_is_not_refused_later(small: World) -> None:
    client = await member(small)
    await room(small, 1000)
    name = (await client.new_upload(size_bytes=1000)).name
    await room(small, 10)
    assert (await client.write(name, b"x" * 1000)).state == pb.Upload.STATE_READY
    assert await reason(client.new_upload()) == "QUOTA_EXCEEDED"


async def test_uploads_that_grow_at_once_share_the_room_over_replicas(serve: Serve, small: World) -> None:
    await room(small, 3 * PART)
    async with serve() as second, AsyncExitStack() as stack:
        clients = [await member(small), await member(World(second, stack, small.mine, small.theirs))]
        names = [(await clients[0].new_upload()).name for _ in range(6)]
        data = os.urandom(PART)
        sent = [clients[n % 2].write(name, data, finish=None) for n, name in enumerate(names)]
        answers = await asyncio.gather(*map(_outcome, sent))
    assert answers.count("") == 3
    assert answers.count("QUOTA_EXCEEDED") == 3
    assert await used(small) == 3 * PART


async def _slowly(name: str, data: bytes) -> AsyncIterator[pb.WriteUploadRequest]:
    """Send so that the refusal is heard: grpc.aio calls a write into a call that has just ended an internal error."""
    for place, message in enumerate(messages(name, data, 0, "")):
        yield message
        if place >= 2 * (PART // MIB):
            await asyncio.sleep(0.5)


async def _outcome(call: Awaitable[pb.Upload]) -> str:
    """Return why a call was refused, "" for one that was not."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return remote_failure(error).reason or error.code().name
    return ""

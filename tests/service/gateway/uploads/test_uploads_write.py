"""WriteUpload: what is acknowledged is there, and everything else is refused by name."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator

import grpc
from locution.v1 import upload_service_pb2 as pb

from tests.service.gateway.client import MIB, PART, each, messages, reason, refusal
from tests.service.gateway.conftest import Gateway, Serve
from tests.service.gateway.upload_steps import digest, empty, stored


async def test_a_small_upload_is_ready_with_size_and_digest(gateway: Gateway) -> None:
    data = os.urandom(100_000)
    upload = await gateway.client.upload(data, display_name="call.wav", media_type="audio/wav")
    assert upload.state == pb.Upload.STATE_READY
    assert (upload.size_bytes, upload.sha256, upload.committed_bytes) == (len(data), digest(data), len(data))
    assert await stored(gateway, upload.name) == data


async def test_an_empty_upload_is_ready(gateway: Gateway) -> None:
    upload = await gateway.client.upload(b"")
    assert upload.state == pb.Upload.STATE_READY
    assert upload.size_bytes == 0


async def test_a_large_upload_goes_in_parts(gateway: Gateway) -> None:
    data = os.urandom(2 * PART + 3 * MIB + 17)
    upload = await gateway.client.upload(data, size_bytes=len(data), sha256=digest(data))
    assert upload.state == pb.Upload.STATE_READY
    assert await stored(gateway, upload.name) == data
    assert len(gateway.keys()) == 1
    assert gateway.multiparts() == 0


async def test_writing_goes_on_where_it_stopped(gateway: Gateway) -> None:
    data = os.urandom(PART + 3 * MIB)
    upload = await gateway.client.new_upload()
    name = upload.name
    first = await gateway.client.write(name, data[: 2 * MIB], finish=None)
    assert first.committed_bytes == 2 * MIB
    second = await gateway.client.write(name, data[2 * MIB : PART + MIB], offset=2 * MIB, finish=None)
    assert second.committed_bytes == PART + MIB
    third = await gateway.client.write(name, data[PART + MIB :], offset=PART + MIB, finish=digest(data))
    assert third.state == pb.Upload.STATE_READY
    assert await stored(gateway, name) == data


async def test_a_wrong_offset_is_refused_with_the_right_one(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    await gateway.client.write(upload.name, b"x" * 10, finish=None)
    failure = await refusal(gateway.client.write(upload.name, b"y", offset=5))
    assert failure.reason == "UPLOAD_OFFSET_MISMATCH"
    assert failure.metadata["committed_offset"] == "10"


async def test_a_new_stream_takes_over(gateway: Gateway) -> None:
    data = os.urandom(PART + MIB)
    upload = await gateway.client.new_upload()
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[pb.WriteUploadRequest]:
        for message in messages(upload.name, data[:PART], 0, None):
            yield message
        await go_on.wait()
        for message in list(messages("", os.urandom(PART), 0, None))[1:]:
            yield message

    old = asyncio.ensure_future(gateway.client.uploads.WriteUpload(slow()))
    async with asyncio.timeout(30):
        while (await gateway.client.get_upload(upload.name)).committed_bytes < PART:
            await asyncio.sleep(0.05)
    new = await gateway.client.write(upload.name, data[PART:], offset=PART, finish=None)
    assert new.committed_bytes == PART + MIB
    go_on.set()
    assert await reason(old) == "UPLOAD_WRITER_REPLACED"
    done = await gateway.client.write(upload.name, b"", offset=PART + MIB, finish=digest(data))
    assert done.state == pb.Upload.STATE_READY
    assert await stored(gateway, upload.name) == data


async def test_what_came_of_a_broken_stream_is_kept(gateway: Gateway) -> None:
    data = os.urandom(2 * PART)
    upload = await gateway.client.new_upload()
    sent = asyncio.Event()

    async def broken() -> AsyncIterator[pb.WriteUploadRequest]:
        for message in messages(upload.name, data[: PART + 3 * MIB], 0, None):
            yield message
        sent.set()
        await asyncio.Event().wait()

    call = gateway.client.uploads.WriteUpload(broken())
    await sent.wait()
    async with asyncio.timeout(30):
        while (await gateway.client.get_upload(upload.name)).committed_bytes < PART:
            await asyncio.sleep(0.05)
    call.cancel()
    async with asyncio.timeout(30):
        while (kept := (await gateway.client.get_upload(upload.name)).committed_bytes) <= PART:
            await asyncio.sleep(0.05)
    assert kept <= PART + 3 * MIB
    done = await gateway.client.write(upload.name, data[kept:], offset=kept, finish=digest(data))
    assert done.state == pb.Upload.STATE_READY
    assert await stored(gateway, upload.name) == data


async def test_more_or_less_than_the_stated_size_is_refused(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload(size_bytes=10)
    assert await reason(gateway.client.write(upload.name, b"x" * 11)) == "UPLOAD_SIZE_MISMATCH"
    assert await reason(gateway.client.write(upload.name, b"x" * 4)) == "UPLOAD_SIZE_MISMATCH"
    waiting = await gateway.client.get_upload(upload.name)
    assert (waiting.state, waiting.committed_bytes) == (pb.Upload.STATE_WRITING, 4)
    complete = pb.CompleteUploadRequest(name=upload.name)
    assert await reason(gateway.client.uploads.CompleteUpload(complete)) == "UPLOAD_SIZE_MISMATCH"
    done = await gateway.client.write(upload.name, b"x" * 6, offset=4)
    assert done.state == pb.Upload.STATE_READY


async def test_one_stream_more_than_the_limit_is_refused_at_once(serve: Serve) -> None:
    async with serve(max_write_streams=1) as gateway:
        upload, other = await gateway.client.new_upload(), await gateway.client.new_upload()

        async def waiting() -> AsyncIterator[pb.WriteUploadRequest]:
            yield next(iter(messages(upload.name, b"", 0, None)))
            await asyncio.Event().wait()

        call = gateway.client.uploads.WriteUpload(waiting())
        async with asyncio.timeout(30):
            while not await gateway.owner.fetchval("SELECT bool_or(writer_token IS NOT NULL) FROM gateway.uploads"):
                await asyncio.sleep(0.05)
        assert await reason(gateway.client.write(other.name, b"x")) == "OVERLOADED"
        call.cancel()
        async with asyncio.timeout(30):
            while True:
                try:
                    await gateway.client.write(other.name, b"x")
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.05)
                else:
                    break


async def test_streams_that_break_the_protocol_are_refused(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    whole = list(messages(upload.name, b"x", 0, ""))
    for wrong in (whole[1:], [whole[0], *whole], [*whole, whole[1]]):
        call = gateway.client.uploads.WriteUpload(each(wrong))
        assert await reason(call) in {"STREAM_PROTOCOL_VIOLATED"}, wrong
        upload = await gateway.client.new_upload()
        whole = list(messages(upload.name, b"x", 0, ""))


async def test_a_silent_stream_is_ended(serve: Serve) -> None:
    async with serve(upload_silence_seconds=2.0) as gateway:
        upload = await gateway.client.new_upload()

        async def silent() -> AsyncIterator[pb.WriteUploadRequest]:
            for message in messages(upload.name, os.urandom(MIB), 0, None):
                yield message
            await asyncio.Event().wait()

        assert await reason(gateway.client.uploads.WriteUpload(silent())) == "DEADLINE_EXCEEDED"
        assert (await gateway.client.get_upload(upload.name)).committed_bytes == MIB


async def test_an_upload_deleted_under_its_writer_is_gone_for_it(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    go_on = asyncio.Event()

    async def slow() -> AsyncIterator[pb.WriteUploadRequest]:
        for message in messages(upload.name, os.urandom(PART), 0, None):
            yield message
        await go_on.wait()
        for message in list(messages("", os.urandom(PART), 0, None))[1:]:
            yield message

    writing = asyncio.ensure_future(gateway.client.uploads.WriteUpload(slow()))
    async with asyncio.timeout(30):
        while (await gateway.client.get_upload(upload.name)).committed_bytes < PART:
            await asyncio.sleep(0.05)
    await gateway.client.uploads.DeleteUpload(pb.DeleteUploadRequest(name=upload.name))
    go_on.set()
    assert await reason(writing) == "UPLOAD_NOT_FOUND"
    await empty(gateway)

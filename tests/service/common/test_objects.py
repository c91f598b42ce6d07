"""The object store on a real S3 server."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import AsyncIterator

import pytest
from locution_common.errors import DependencyUnavailable, InternalError, ObjectChecksumMismatch, ObjectNotFound
from locution_common.objects import MIN_PART_SIZE, ObjectStore, Part, open_store

from tests.support.s3 import S3Server

MIB = 1024 * 1024


@pytest.fixture
async def store(s3: S3Server, bucket: str) -> AsyncIterator[ObjectStore]:
    async with open_store(s3.settings(bucket)) as store:
        yield store


def noise(size: int) -> bytes:
    block = hashlib.sha512(b"seed").digest() * 16384
    return (block * (size // len(block) + 1))[:size]


async def pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(data), size):
        yield data[start : start + size]


async def test_what_is_put_is_got(store: ObjectStore) -> None:
    put = await store.put("a/b", b"hello world", metadata={"sha256": "abc"})
    info = await store.stat("a/b")
    assert (info.size, info.etag, dict(info.metadata)) == (11, put.etag, {"sha256": "abc"})
    assert await store.get("a/b") == b"hello world"
    assert await store.get("a/b", offset=6, length=3) == b"wor"
    assert await store.get("a/b", offset=6) == b"world"
    assert await store.get("a/b", length=0) == b""


async def test_an_empty_object_is_an_object(store: ObjectStore) -> None:
    await store.put("empty", b"")
    assert (await store.stat("empty")).size == 0
    assert [chunk async for chunk in store.stream("empty")] == []


async def test_absence_is_a_domain_error(store: ObjectStore) -> None:
    for attempt in (store.get("none"), store.stat("none"), store.list_parts("none", "none")):
        with pytest.raises(ObjectNotFound):
            await attempt
    assert not await store.exists("none")
    await store.delete("none")


@pytest.mark.parametrize("size", [0, 10, MIN_PART_SIZE - 1, MIN_PART_SIZE, 2 * MIN_PART_SIZE, 11 * MIB + 3])
async def test_a_stream_is_stored_whole_and_in_order(store: ObjectStore, size: int) -> None:
    data = noise(size)
    info = await store.put_stream("s", pieces(data, 700_001), part_size=MIN_PART_SIZE)
    assert info.size == size
    read = b"".join([chunk async for chunk in store.stream("s", range_size=3 * MIB)])
    assert hashlib.sha256(read).digest() == hashlib.sha256(data).digest()
    assert await store.list_multiparts() == ()


async def test_a_stream_is_read_in_ranges(store: ObjectStore) -> None:
    await store.put("r", bytes(range(100)))
    chunks = [chunk async for chunk in store.stream("r", offset=5, length=20, range_size=8)]
    assert [len(chunk) for chunk in chunks] == [8, 8, 4]
    assert b"".join(chunks) == bytes(range(5, 25))


async def test_an_object_replaced_while_it_is_read_is_not_mixed(store: ObjectStore) -> None:
    await store.put("r", b"a" * 20)
    stream = store.stream("r", range_size=10)
    assert await anext(stream) == b"a" * 10
    await store.put("r", b"b" * 20)
    with pytest.raises(ObjectNotFound):
        await anext(stream)


async def test_a_stream_that_fails_leaves_nothing(store: ObjectStore) -> None:
    async def fails() -> AsyncIterator[bytes]:
        yield noise(2 * MIN_PART_SIZE)
        raise ValueError("the client went away")

    with pytest.raises(ValueError, match="went away"):
        await store.put_stream("s", fails(), part_size=MIN_PART_SIZE)
    assert not await store.exists("s")
    assert await store.list_multiparts() == ()


async def test_parts_can_be_sent_again_listed_and_completed_twice(store: ObjectStore) -> None:
    upload = await store.create_multipart("m", metadata={"tenant": "t"})
    await store.upload_part("m", upload, 1, b"x" * MIN_PART_SIZE)
    first = await store.upload_part("m", upload, 1, b"y" * MIN_PART_SIZE)
    second = await store.upload_part("m", upload, 2, b"end")
    assert {first, second} <= set(await store.list_parts("m", upload))
    assert [pending.upload_id for pending in await store.list_multiparts("m")] == [upload]
    info = await store.complete_multipart("m", upload, [first, second])
    assert (info.size, info.metadata["tenant"]) == (MIN_PART_SIZE + 3, "t")
    assert (await store.complete_multipart("m", upload, [first, second])).size == info.size
    assert await store.get("m", offset=MIN_PART_SIZE - 1) == b"yend"


async def test_completion_checks_the_size_that_the_store_holds(store: ObjectStore) -> None:
    upload = await store.create_multipart("m")
    part = await store.upload_part("m", upload, 1, b"four")
    with pytest.raises(ObjectChecksumMismatch):
        await store.complete_multipart("m", upload, [Part(1, part.etag, 5)])


async def test_an_aborted_upload_is_gone(store: ObjectStore) -> None:
    upload = await store.create_multipart("m")
    await store.upload_part("m", upload, 1, b"four")
    await store.abort_multipart("m", upload)
    await store.abort_multipart("m", upload)
    assert await store.list_multiparts() == ()
    assert not await store.exists("m")


async def test_listing_and_deleting_by_prefix(store: ObjectStore) -> None:
    await asyncio.gather(*(store.put(f"p/{number:03}", b"x") for number in range(25)), store.put("q/1", b"x"))
    assert [info.key async for info in store.list("p/")] == [f"p/{number:03}" for number in range(25)]
    assert await store.delete_prefix("p/") == 25
    assert [info.key async for info in store.list()] == ["q/1"]


async def test_presigned_urls_work_without_credentials(store: ObjectStore) -> None:
    def put(url: str, data: bytes) -> None:
        urllib.request.urlopen(urllib.request.Request(url, data, method="PUT"), timeout=5).close()

    upload = await store.create_multipart("m")
    url = await store.presign_part("m", upload, 1, 4)
    await asyncio.to_thread(put, url, b"part")
    assert [part.size for part in await store.list_parts("m", upload)] == [4]
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        await asyncio.to_thread(put, url.replace("X-Amz-Expires=900", "X-Amz-Expires=901"), b"part")
    refused.value.close()
    with pytest.raises(urllib.error.HTTPError, match="403") as refused:
        await asyncio.to_thread(put, url, b"parts")
    refused.value.close()


async def test_wrong_credentials_are_refused_without_naming_them(s3: S3Server, bucket: str) -> None:
    settings = s3.settings(bucket).model_copy(update={"s3_secret_key": s3.settings(bucket).s3_access_key})
    async with open_store(settings) as store:
        with pytest.raises(InternalError) as refused:
            await store.put("x", b"y")
    assert s3.access_key not in str(refused.value)


async def test_the_probe_wants_the_bucket(s3: S3Server, store: ObjectStore) -> None:
    await store.probe()
    async with open_store(s3.settings("no-such-bucket")) as other:
        with pytest.raises(InternalError):
            await other.probe()


async def test_an_unreachable_store_is_a_dependency_that_is_unavailable(s3: S3Server) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        async with open_store(s3.settings("bucket").model_copy(update={"s3_endpoint": address})) as store:
            with pytest.raises(DependencyUnavailable):
                await store.stat("x")


async def test_no_thread_is_left(s3: S3Server, bucket: str) -> None:
    async with open_store(s3.settings(bucket)) as store:
        await asyncio.gather(*(store.put(str(number), b"x") for number in range(40)))
        assert sum(thread.name.startswith("s3") for thread in threading.enumerate()) <= 16
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("s3")]

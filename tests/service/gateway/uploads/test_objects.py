"""What the core asks of an object store, asked of the real one and of the one that unit tests use."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from locution_common.errors import ObjectNotFound, Reason
from locution_common.objects import open_store
from locution_gateway.uploads.models import UploadPart
from locution_gateway.uploads.objects import S3Objects
from locution_gateway.uploads.ports import ObjectBytes

from tests.support.refusals import refusal
from tests.support.s3 import S3Server
from tests.unit.gateway.memory_objects import MemoryObjects

SIZE = 5 * 1024 * 1024


@pytest.fixture(params=["memory", "s3"])
async def objects(request: pytest.FixtureRequest, s3: S3Server, bucket: str) -> AsyncIterator[ObjectBytes]:
    if request.param == "memory":
        yield MemoryObjects()
        return
    async with open_store(s3.settings(bucket)) as store:
        yield S3Objects(store, store)


async def read(objects: ObjectBytes, key: str) -> bytes:
    return b"".join([piece async for piece in objects.stream(key)])


async def test_what_is_put_is_read(objects: ObjectBytes) -> None:
    await objects.put("uploads/a", bytearray(b"first"))
    await objects.put("uploads/a", b"second")
    assert await objects.get("uploads/a") == await read(objects, "uploads/a") == b"second"
    await objects.put("uploads/empty", b"")
    assert await read(objects, "uploads/empty") == b""


async def test_what_is_deleted_is_gone(objects: ObjectBytes) -> None:
    for key in ("x/a", "x/b/c", "xy"):
        await objects.put(key, b"1")
    await objects.delete("x/")
    await objects.delete("x/")
    assert await objects.get("xy") == b"1"
    for key in ("x/a", "x/b/c"):
        with pytest.raises(ObjectNotFound):
            await objects.get(key)
    with pytest.raises(ObjectNotFound):
        await read(objects, "x/a")


async def test_a_folder_goes_but_for_what_is_kept(objects: ObjectBytes) -> None:
    for key in ("x/a", "x/b"):
        await objects.put(key, b"1")
    await objects.delete("x/", ["x/b"])
    assert await objects.get("x/b") == b"1"
    with pytest.raises(ObjectNotFound):
        await objects.get("x/a")


async def test_all_but_one_is_deleted(objects: ObjectBytes) -> None:
    for key in ("f/a", "f/b", "g/a"):
        await objects.put(key, b"1")
    await objects.keep_only("f/", "f/b")
    with pytest.raises(ObjectNotFound):
        await objects.get("f/a")
    assert await objects.get("f/b") == await objects.get("g/a") == b"1"


async def test_listed_parts_make_the_object_and_others_do_not(objects: ObjectBytes) -> None:
    multipart = await objects.create_multipart("uploads/m")
    one, three = os.urandom(SIZE), os.urandom(10)
    first = await objects.put_part("uploads/m", multipart, 1, one)
    await objects.put_part("uploads/m", multipart, 2, os.urandom(SIZE))
    last = await objects.put_part("uploads/m", multipart, 7, three)
    assert [part.number for part in await objects.list_parts("uploads/m", multipart)] == [1, 2, 7]
    await objects.complete_multipart("uploads/m", multipart, [first, last])
    assert await read(objects, "uploads/m") == one + three
    await objects.complete_multipart("uploads/m", multipart, [first, last])
    assert not await objects.old_multiparts(datetime.now(UTC) + timedelta(minutes=1))


async def test_a_part_sent_again_counts_as_it_is_now(objects: ObjectBytes) -> None:
    multipart = await objects.create_multipart("uploads/m")
    await objects.put_part("uploads/m", multipart, 1, b"old")
    new = await objects.put_part("uploads/m", multipart, 1, b"other")
    assert new in await objects.list_parts("uploads/m", multipart)
    await objects.complete_multipart("uploads/m", multipart, [new])
    assert await read(objects, "uploads/m") == b"other"


async def test_a_missing_part_is_refused(objects: ObjectBytes) -> None:
    multipart = await objects.create_multipart("uploads/m")
    held = await objects.put_part("uploads/m", multipart, 1, b"x")
    with refusal(Reason.UPLOAD_PART_INVALID):
        await objects.complete_multipart("uploads/m", multipart, [held, UploadPart(2, 1, held.etag)])


async def test_an_aborted_multipart_is_unknown(objects: ObjectBytes) -> None:
    multipart = await objects.create_multipart("uploads/m")
    assert ("uploads/m", multipart) in await objects.old_multiparts(datetime.now(UTC) + timedelta(minutes=1))
    assert not await objects.old_multiparts(datetime.now(UTC) - timedelta(minutes=1))
    await objects.abort_multipart("uploads/m", multipart)
    await objects.abort_multipart("uploads/m", multipart)
    with pytest.raises(ObjectNotFound):
        await objects.list_parts("uploads/m", multipart)

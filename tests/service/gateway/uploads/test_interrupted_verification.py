"""A verification that died halfway is taken up: what was acknowledged is not lost."""

from __future__ import annotations

import asyncio
import hashlib
import os

from locution.v1 import upload_service_pb2 as pb
from locution_common.objects import open_store
from locution_gateway.uploads.objects import S3Objects
from minio.datatypes import Part

from tests.service.gateway.client import MIB, PART
from tests.service.gateway.conftest import Gateway
from tests.support.s3 import S3Server


async def test_parts_that_were_joined_before_the_process_died_are_read_back(gateway: Gateway) -> None:
    """Parts and tail are one object already, multipart and tail are gone, and the record knows nothing of it."""
    data = os.urandom(PART + MIB)
    upload = await gateway.client.new_upload()
    await gateway.client.write(upload.name, data, finish=None)
    row = await gateway.owner.fetchrow("SELECT * FROM gateway.uploads")
    parts = await gateway.owner.fetch("SELECT part_number, etag FROM gateway.upload_parts")
    await asyncio.to_thread(_join, gateway, row, [Part(number, etag) for number, etag in parts])
    done = await gateway.client.uploads.CompleteUpload(pb.CompleteUploadRequest(name=upload.name))
    assert done.state == pb.Upload.STATE_READY
    assert (done.size_bytes, done.sha256) == (len(data), hashlib.sha256(data).hexdigest())


def _join(gateway: Gateway, row: dict[str, str], parts: list[Part]) -> None:
    store, key, multipart_id = gateway.store, row["object_key"], row["multipart_id"]
    tail = store.get_object(gateway.bucket, row["tail_key"]).data
    etag = store._upload_part(gateway.bucket, key, tail, None, multipart_id, 10_000)
    store._complete_multipart_upload(gateway.bucket, key, multipart_id, [*parts, Part(10_000, etag)])
    store.remove_object(gateway.bucket, row["tail_key"])


async def test_a_tag_that_came_back_wrong_does_not_cost_its_part(gateway: Gateway) -> None:
    data = os.urandom(PART + MIB)
    upload = await gateway.client.new_upload()
    await gateway.client.write(upload.name, data, finish=None)
    await gateway.owner.execute("UPDATE gateway.upload_parts SET etag = $1", "0" * 32)
    done = await gateway.client.uploads.CompleteUpload(pb.CompleteUploadRequest(name=upload.name))
    assert (done.state, done.sha256) == (pb.Upload.STATE_READY, hashlib.sha256(data).hexdigest())


async def test_a_folder_goes_with_the_multiparts_begun_in_it(s3: S3Server, bucket: str) -> None:
    async with open_store(s3.settings(bucket)) as store:
        objects = S3Objects(store, store)
        await objects.put("a/b/1", b"x")
        for key in ("a/b/2", "a/c/2"):
            await objects.put_part(key, await objects.create_multipart(key), 1, b"y" * 1000)
        await objects.delete("a/b/")
        assert [found.key async for found in store.list("a/")] == []
        assert [pending.key for pending in await store.list_multiparts("")] == ["a/c/2"]

"""What a broken-off stream puts into the store after its upload was READY goes, and what the upload is made of stays."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Iterator
from datetime import timedelta

import pytest
from locution.v1 import upload_service_pb2 as pb
from locution_gateway.uploads import postgres as store

from tests.chaos.proxy import FaultProxy, Held
from tests.service.gateway.client import MIB, each, messages
from tests.service.gateway.conftest import Gateway, Serve
from tests.support.s3 import S3Server


@pytest.fixture
def proxy(s3: S3Server) -> Iterator[FaultProxy]:
    proxy = FaultProxy(s3.endpoint)
    yield proxy
    proxy.close()


async def orphan(gateway: Gateway, name: str, held: Held, data: bytes) -> str:
    """Let a stream break off while its tail is put, another make the upload READY, and the tail arrive then."""
    broken = gateway.client.uploads.WriteUpload(each(messages(name, data[:MIB], 0, None)))
    assert await asyncio.to_thread(held.reached.wait, 60)
    broken.cancel()
    done = await gateway.client.write(name, data, finish=hashlib.sha256(data).hexdigest())
    assert done.state == pb.Upload.STATE_READY
    before = set(gateway.keys())
    held.released.set()
    assert await asyncio.to_thread(held.passed.wait, 60)
    (late,) = set(gateway.keys()) - before
    return late


async def test_a_tail_that_comes_after_ready_is_deleted(
    serve: Serve, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LATE_WRITES", timedelta(seconds=3))
    async with serve(s3_endpoint=proxy.endpoint) as gateway:
        data = os.urandom(2 * MIB)
        upload = await gateway.client.new_upload()
        late = await orphan(gateway, upload.name, proxy.hold("/tail-"), data)
        assert "/tail-" in late
        async with asyncio.timeout(30):
            while late in set(gateway.keys()):
                await asyncio.sleep(0.05)
        key = await gateway.owner.fetchval("SELECT object_key FROM gateway.objects")
        assert gateway.keys() == [key]
        assert gateway.store.get_object(gateway.bucket, key).data == data


async def test_an_object_that_another_upload_shares_survives_the_first_ones_folder(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "LATE_WRITES", timedelta(seconds=1))
    async with serve() as gateway:
        data = os.urandom(1000)
        first = await gateway.client.upload(data)
        await gateway.client.upload(data)
        await gateway.client.uploads.DeleteUpload(pb.DeleteUploadRequest(name=first.name))
        async with asyncio.timeout(30):
            while await gateway.owner.fetchval("SELECT count(*) FROM gateway.deletions"):
                await asyncio.sleep(0.05)
        key = await gateway.owner.fetchval("SELECT object_key FROM gateway.objects")
        assert gateway.keys() == [key]


async def test_the_late_look_waits_longer_than_a_put_can_take(gateway: Gateway) -> None:
    await gateway.client.upload(b"some bytes")
    wait = await gateway.owner.fetchval("SELECT due_time - create_time FROM gateway.deletions")
    settings = gateway.running.context.settings
    tries = 3 * timedelta(seconds=settings.s3_connect_timeout + settings.s3_read_timeout)
    assert tries + timedelta(minutes=1) < wait < timedelta(minutes=5)

"""DeleteUpload and expiry: nothing is left, and nothing that is needed goes."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime, timedelta

from locution.v1 import upload_service_pb2 as pb
from locution_common.clock import SystemClock
from locution_gateway.platform.principal import DEFAULT_TENANT

from tests.service.gateway.client import MIB, PART, reason
from tests.service.gateway.conftest import Gateway, MakeReaper
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.upload_steps import empty, state_of, stored


async def test_the_same_bytes_are_stored_once(gateway: Gateway) -> None:
    data = os.urandom(1000)
    one, two = await gateway.client.upload(data), await gateway.client.upload(data)
    assert one.name != two.name
    async with asyncio.timeout(30):
        while len(gateway.keys()) != 1:
            await asyncio.sleep(0.05)
    await gateway.client.uploads.DeleteUpload(pb.DeleteUploadRequest(name=one.name))
    assert await stored(gateway, two.name) == data
    await gateway.client.uploads.DeleteUpload(pb.DeleteUploadRequest(name=two.name))
    await empty(gateway)


async def test_an_aborted_upload_leaves_nothing(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    await gateway.client.write(upload.name, os.urandom(PART + MIB), finish=None)
    assert gateway.multiparts() == 1
    await gateway.client.uploads.DeleteUpload(pb.DeleteUploadRequest(name=upload.name))
    assert await reason(gateway.client.get_upload(upload.name)) == "UPLOAD_NOT_FOUND"
    await empty(gateway)


async def test_an_upload_that_a_job_needs_is_not_deleted(gateway: Gateway, worker: HandWorker) -> None:
    upload = await gateway.client.upload(b"RIFF")
    job = await gateway.client.job(upload.name)
    request = pb.DeleteUploadRequest(name=upload.name)
    assert await reason(gateway.client.uploads.DeleteUpload(request)) == "UPLOAD_STATE_CONFLICT"
    await worker.decode(sections=1)
    await gateway.client.uploads.DeleteUpload(request)
    await worker.transcribe()
    await worker.diarize()
    await worker.diarize()
    await worker.join(1)
    assert (await gateway.client.get_job(job.name)).transcript
    await empty(gateway)


async def test_an_idle_upload_expires_with_its_parts(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    await gateway.client.write(upload.name, os.urandom(PART + 10), finish=None)
    await gateway.owner.execute("UPDATE gateway.uploads SET expire_time = now() - interval '1 second'")
    await state_of(gateway, upload.name, pb.Upload.STATE_EXPIRED)
    assert await reason(gateway.client.write(upload.name, b"x", offset=PART + 10)) == "UPLOAD_STATE_CONFLICT"
    await empty(gateway)


async def test_etags_guard_a_deletion(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    old = pb.DeleteUploadRequest(name=upload.name, etag='"0"')
    assert await reason(gateway.client.uploads.DeleteUpload(old)) == "ETAG_MISMATCH"
    await gateway.client.uploads.DeleteUpload(pb.DeleteUploadRequest(name=upload.name, etag=upload.etag))
    gone = pb.DeleteUploadRequest(name=upload.name)
    assert await reason(gateway.client.uploads.DeleteUpload(gone)) == "UPLOAD_NOT_FOUND"


class Later(SystemClock):
    """Ten minutes on, when everything that was begun just now is old."""

    def now(self) -> datetime:
        return super().now() + timedelta(minutes=10)


async def test_multiparts_that_nobody_owns_are_aborted(gateway: Gateway, reaper: MakeReaper) -> None:
    """What a process leaves that dies between beginning a multipart upload and recording it."""
    folder = f"uploads/{DEFAULT_TENANT}/00000000-0000-4000-8000-000000000002/object"
    gateway.store._create_multipart_upload(gateway.bucket, folder, {})
    own = await gateway.client.new_upload()
    await gateway.client.write(own.name, os.urandom(PART), finish=None)
    await reaper(Later()).abort_multiparts()
    left = gateway.store._list_multipart_uploads(gateway.bucket).uploads
    kept = await gateway.owner.fetchval("SELECT object_key FROM gateway.uploads")
    assert [found.object_name for found in left] == [kept]

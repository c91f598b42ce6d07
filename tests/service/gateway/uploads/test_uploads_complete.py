"""CompleteUpload: size and digest are read back, whoever does it, and jobs wait for it."""

from __future__ import annotations

import os

from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import upload_service_pb2 as pb

from tests.service.gateway.client import PART, reason
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.upload_steps import digest, empty, held, state_of, stored


async def test_a_wrong_digest_fails_the_upload_and_keeps_nothing(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    assert (
        await reason(gateway.client.write(upload.name, b"hello", finish=digest(b"other"))) == "UPLOAD_DIGEST_MISMATCH"
    )
    failed = await gateway.client.get_upload(upload.name)
    assert failed.state == pb.Upload.STATE_FAILED
    assert failed.error_reason == "UPLOAD_DIGEST_MISMATCH"


async def test_completion_can_be_repeated(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    await gateway.client.write(upload.name, b"hello", finish=None)
    request = pb.CompleteUploadRequest(name=upload.name, sha256=digest(b"hello"))
    first = await gateway.client.uploads.CompleteUpload(request)
    assert first.state == pb.Upload.STATE_READY
    assert await gateway.client.uploads.CompleteUpload(request) == first
    other = pb.CompleteUploadRequest(name=upload.name, sha256=digest(b"other"))
    assert await reason(gateway.client.uploads.CompleteUpload(other)) == "UPLOAD_DIGEST_MISMATCH"
    assert await reason(gateway.client.write(upload.name, b"", offset=5)) == "UPLOAD_STATE_CONFLICT"


async def test_a_verification_is_taken_over(gateway: Gateway) -> None:
    """A holder that died holds the upload until its lease is over, then another process verifies it."""
    data = os.urandom(PART + 5)
    upload = await gateway.client.new_upload()
    await gateway.client.write(upload.name, data, finish=None)
    await gateway.owner.execute(
        "UPDATE gateway.uploads SET verify_token = gen_random_uuid(), verify_until = now() + interval '1 second'"
    )
    sealed = await gateway.client.uploads.CompleteUpload(pb.CompleteUploadRequest(name=upload.name))
    assert sealed.state == pb.Upload.STATE_VERIFYING
    await state_of(gateway, upload.name, pb.Upload.STATE_READY)
    assert await stored(gateway, upload.name) == data


async def test_a_job_waits_for_its_uploads_verification(gateway: Gateway, worker: HandWorker) -> None:
    name = await held(gateway, b"RIFF")
    job = await gateway.client.job(name)
    assert await worker.claim() is None
    await gateway.owner.execute("UPDATE gateway.uploads SET verify_until = NULL")
    await state_of(gateway, name, pb.Upload.STATE_READY)
    await worker.run()
    assert (await gateway.client.get_job(job.name)).transcript


async def test_a_job_fails_with_its_upload(gateway: Gateway, worker: HandWorker) -> None:
    name = await held(gateway, b"RIFF", sha256=digest(b"other"))
    job = await gateway.client.job(name)
    await gateway.owner.execute("UPDATE gateway.uploads SET verify_until = NULL")
    await state_of(gateway, name, pb.Upload.STATE_FAILED)
    failed = await gateway.client.get_job(job.name)
    assert failed.state == jobs.Job.STATE_FAILED
    info = ErrorInfo()
    assert failed.error.details[0].Unpack(info)
    assert (info.reason, failed.error.code) == ("UPLOAD_DIGEST_MISMATCH", code_pb2.DATA_LOSS)
    assert await worker.claim() is None
    await empty(gateway)

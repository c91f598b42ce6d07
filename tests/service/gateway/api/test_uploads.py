"""Uploads: what is acknowledged is there, and everything else is refused by name."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator, Awaitable
from datetime import datetime, timedelta

import grpc
import urllib3
from google.rpc.error_details_pb2 import ErrorInfo
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import upload_service_pb2 as pb
from locution_common.clock import SystemClock
from locution_gateway.domain.identity import DEFAULT_TENANT

from tests.service.gateway.api.client import MIB, PART, each, messages, reason, refusal
from tests.service.gateway.api.conftest import Gateway, Janitor, Serve
from tests.service.gateway.api.worker import HandWorker


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


async def stored(gateway: Gateway, name: str) -> bytes:
    """Return the bytes of the object that an upload's row names."""
    key = await gateway.owner.fetchval(
        "SELECT o.object_key FROM gateway.objects o JOIN gateway.uploads USING (object_id) WHERE upload_id = $1::uuid",
        name.removeprefix("uploads/"),
    )
    return gateway.store.get_object(gateway.bucket, key).data


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


async def test_a_wrong_digest_fails_the_upload_and_keeps_nothing(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    assert (
        await reason(gateway.client.write(upload.name, b"hello", finish=digest(b"other"))) == "UPLOAD_DIGEST_MISMATCH"
    )
    failed = await gateway.client.get_upload(upload.name)
    assert failed.state == pb.Upload.STATE_FAILED
    assert failed.error_reason == "UPLOAD_DIGEST_MISMATCH"


async def state_of(gateway: Gateway, name: str, wanted: pb.Upload.State.ValueType) -> pb.Upload:
    """Wait until an upload is in a state."""
    async with asyncio.timeout(15):
        while (upload := await gateway.client.get_upload(name)).state != wanted:
            await asyncio.sleep(0.05)
    return upload


async def empty(gateway: Gateway) -> None:
    """Wait until the store holds nothing."""
    async with asyncio.timeout(15):
        while gateway.keys() or gateway.multiparts():
            await asyncio.sleep(0.05)


def row(name: str) -> str:
    return name.removeprefix("uploads/")


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
    async with asyncio.timeout(15):
        while (await gateway.client.get_upload(upload.name)).committed_bytes < PART:
            await asyncio.sleep(0.05)
    new = await gateway.client.write(upload.name, data[PART:], offset=PART, finish=None)
    assert new.committed_bytes == PART + MIB
    go_on.set()
    assert await reason(old) == "UPLOAD_WRITER_REPLACED"
    done = await gateway.client.write(upload.name, b"", offset=PART + MIB, finish=digest(data))
    assert done.state == pb.Upload.STATE_READY
    assert await stored(gateway, upload.name) == data


async def test_a_broken_stream_loses_less_than_a_part(gateway: Gateway) -> None:
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
    async with asyncio.timeout(15):
        while (await gateway.client.get_upload(upload.name)).committed_bytes < PART:
            await asyncio.sleep(0.05)
    call.cancel()
    kept = (await gateway.client.get_upload(upload.name)).committed_bytes
    assert kept == PART
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


async def put(url: pb.UploadPartUrl, data: bytes) -> str:
    """PUT a part and return the store's ETag."""
    response = await asyncio.to_thread(urllib3.request, "PUT", url.url, body=data, timeout=10)
    assert response.status == 200, response.data
    return str(response.headers["ETag"])


async def urls(gateway: Gateway, name: str, *numbers: int) -> list[pb.UploadPartUrl]:
    request = pb.CreateUploadPartUrlsRequest(name=name, part_numbers=numbers)
    answer = await gateway.client.uploads.CreateUploadPartUrls(request)
    assert answer.part_size_bytes == PART
    return list(answer.urls)


async def test_parts_go_straight_to_the_store(gateway: Gateway) -> None:
    data = os.urandom(2 * PART + 100)
    upload = await gateway.client.new_upload(size_bytes=len(data))
    found = await urls(gateway, upload.name, 1, 2, 3)
    places = (0, PART, 2 * PART)
    tags = await asyncio.gather(*(put(url, data[at : at + PART]) for url, at in zip(found, places, strict=True)))
    parts = [pb.UploadPart(part_number=n, etag=tag) for n, tag in enumerate(tags, 1)]

    def complete(parts: list[pb.UploadPart]) -> Awaitable[pb.Upload]:
        request = pb.CompleteUploadRequest(name=upload.name, sha256=digest(data), parts=parts)
        return gateway.client.uploads.CompleteUpload(request)

    wrong = pb.UploadPart(part_number=3, etag="wrong")
    more = pb.UploadPart(part_number=4, etag="x")
    for bad in ([], parts[::-1], [parts[0], parts[2]], [*parts[:2], wrong], [*parts, more]):
        assert await reason(complete(bad)) == "UPLOAD_PART_INVALID"
    assert await reason(complete(parts[:2])) == "UPLOAD_SIZE_MISMATCH"
    assert await reason(gateway.client.write(upload.name, b"x")) == "UPLOAD_STATE_CONFLICT"
    assert (await complete(parts)).state == pb.Upload.STATE_READY
    assert await stored(gateway, upload.name) == data


async def test_streams_and_parts_do_not_mix(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    await gateway.client.write(upload.name, b"x", finish=None)
    request = pb.CreateUploadPartUrlsRequest(name=upload.name, part_numbers=[1])
    assert await reason(gateway.client.uploads.CreateUploadPartUrls(request)) == "UPLOAD_STATE_CONFLICT"


async def test_a_part_url_is_good_for_its_part_alone(gateway: Gateway) -> None:
    one, two = await gateway.client.new_upload(), await gateway.client.new_upload()
    (url,) = await urls(gateway, one.name, 1)
    (other,) = await urls(gateway, two.name, 1)
    forged = url.url.replace(row(one.name), row(two.name))
    response = await asyncio.to_thread(urllib3.request, "PUT", forged, body=b"x", timeout=10)
    assert response.status == 403
    forged = url.url.replace("partNumber=1", "partNumber=2")
    assert (await asyncio.to_thread(urllib3.request, "PUT", forged, body=b"x", timeout=10)).status == 403
    assert (await asyncio.to_thread(urllib3.request, "GET", other.url, timeout=10)).status == 403


async def test_the_same_bytes_are_stored_once(gateway: Gateway) -> None:
    data = os.urandom(1000)
    one, two = await gateway.client.upload(data), await gateway.client.upload(data)
    assert one.name != two.name
    async with asyncio.timeout(15):
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
    async with asyncio.timeout(15):
        while (await gateway.client.get_upload(upload.name)).committed_bytes < PART:
            await asyncio.sleep(0.05)
    await gateway.client.uploads.DeleteUpload(pb.DeleteUploadRequest(name=upload.name))
    go_on.set()
    assert await reason(writing) == "UPLOAD_NOT_FOUND"
    await empty(gateway)


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


async def held(gateway: Gateway, data: bytes, sha256: str | None = None) -> str:
    """Make an upload that stays VERIFYING until its verification is let go."""
    upload = await gateway.client.new_upload(sha256=sha256)
    await gateway.client.write(upload.name, data, finish=None)
    await gateway.owner.execute("UPDATE gateway.uploads SET verify_until = now() + interval '1 hour'")
    sealed = await gateway.client.uploads.CompleteUpload(pb.CompleteUploadRequest(name=upload.name))
    assert sealed.state == pb.Upload.STATE_VERIFYING
    return upload.name


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
    assert info.reason == "UPLOAD_DIGEST_MISMATCH"
    assert await worker.claim() is None
    await empty(gateway)


async def test_limits_are_refused_by_name(serve: Serve) -> None:
    async with serve(max_upload_bytes=MIB, max_open_uploads=2, max_write_streams=1) as gateway:
        assert await reason(gateway.client.new_upload(size_bytes=MIB + 1)) == "UPLOAD_TOO_LARGE"
        upload = await gateway.client.new_upload()
        assert await reason(gateway.client.write(upload.name, b"x" * (MIB + 1))) == "UPLOAD_TOO_LARGE"
        open_calls = [gateway.client.new_upload() for _ in range(6)]
        made = await asyncio.gather(*open_calls, return_exceptions=True)
        assert sum(isinstance(one, pb.Upload) for one in made) == 1
        full = await refusal(gateway.client.new_upload())
        assert full.reason == "QUOTA_EXCEEDED"
        assert full.retry_after


async def test_one_stream_more_than_the_limit_is_refused_at_once(serve: Serve) -> None:
    async with serve(max_write_streams=1) as gateway:
        upload, other = await gateway.client.new_upload(), await gateway.client.new_upload()

        async def waiting() -> AsyncIterator[pb.WriteUploadRequest]:
            yield next(iter(messages(upload.name, b"", 0, None)))
            await asyncio.Event().wait()

        call = gateway.client.uploads.WriteUpload(waiting())
        async with asyncio.timeout(15):
            while not await gateway.owner.fetchval("SELECT bool_or(writer_token IS NOT NULL) FROM gateway.uploads"):
                await asyncio.sleep(0.05)
        assert await reason(gateway.client.write(other.name, b"x")) == "OVERLOADED"
        call.cancel()
        async with asyncio.timeout(15):
            while True:
                try:
                    await gateway.client.write(other.name, b"x")
                except grpc.aio.AioRpcError:
                    await asyncio.sleep(0.05)
                else:
                    break


async def test_one_request_id_makes_one_upload(gateway: Gateway) -> None:
    request = pb.CreateUploadRequest(upload=pb.Upload(display_name="a"), request_id="one")
    made = await asyncio.gather(*(gateway.client.uploads.CreateUpload(request) for _ in range(5)))
    assert len({upload.name for upload in made}) == 1
    request.upload.display_name = "b"
    assert await reason(gateway.client.uploads.CreateUpload(request)) == "REQUEST_ID_REUSED"
    request.validate_only = True
    await gateway.client.uploads.CreateUpload(request)
    assert await gateway.owner.fetchval("SELECT count(*) FROM gateway.uploads") == 1
    named = pb.CreateUploadRequest(upload=pb.Upload(name="uploads/mine"))
    assert await reason(gateway.client.uploads.CreateUpload(named)) == "INVALID_REQUEST"


async def test_uploads_are_listed_by_pages(gateway: Gateway) -> None:
    ready = await gateway.client.upload(b"x")
    writing = [(await gateway.client.new_upload()).name for _ in range(3)]
    found, token = [], ""
    while True:
        page = await gateway.client.uploads.ListUploads(pb.ListUploadsRequest(page_size=3, page_token=token))
        found += [upload.name for upload in page.uploads]
        token = page.next_page_token
        if not token:
            break
        wrong = pb.ListUploadsRequest(page_token=token, filter="state = READY")
        assert await reason(gateway.client.uploads.ListUploads(wrong)) == "PAGE_TOKEN_INVALID"
    assert found == [*writing[::-1], ready.name]
    filtered = await gateway.client.uploads.ListUploads(pb.ListUploadsRequest(filter="state = READY"))
    assert [upload.name for upload in filtered.uploads] == [ready.name]


async def test_etags_guard_a_deletion(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    old = pb.DeleteUploadRequest(name=upload.name, etag='"0"')
    assert await reason(gateway.client.uploads.DeleteUpload(old)) == "ETAG_MISMATCH"
    await gateway.client.uploads.DeleteUpload(pb.DeleteUploadRequest(name=upload.name, etag=upload.etag))
    gone = pb.DeleteUploadRequest(name=upload.name)
    assert await reason(gateway.client.uploads.DeleteUpload(gone)) == "UPLOAD_NOT_FOUND"


async def test_streams_that_break_the_protocol_are_refused(gateway: Gateway) -> None:
    upload = await gateway.client.new_upload()
    whole = list(messages(upload.name, b"x", 0, ""))
    for wrong in (whole[1:], [whole[0], *whole], [*whole, whole[1]]):
        call = gateway.client.uploads.WriteUpload(each(wrong))
        assert await reason(call) in {"STREAM_PROTOCOL_VIOLATED"}, wrong
        upload = await gateway.client.new_upload()
        whole = list(messages(upload.name, b"x", 0, ""))


class Later(SystemClock):
    """Ten minutes on, when everything that was begun just now is old."""

    def now(self) -> datetime:
        return super().now() + timedelta(minutes=10)


async def test_multiparts_that_nobody_owns_are_aborted(gateway: Gateway, janitor: Janitor) -> None:
    """What a process leaves that dies between beginning a multipart upload and recording it."""
    folder = f"uploads/{DEFAULT_TENANT}/00000000-0000-4000-8000-000000000002/object"
    gateway.store._create_multipart_upload(gateway.bucket, folder, {})
    own = await gateway.client.new_upload()
    await gateway.client.write(own.name, os.urandom(PART), finish=None)
    await janitor(Later()).abort_multiparts()
    left = gateway.store._list_multipart_uploads(gateway.bucket).uploads
    kept = await gateway.owner.fetchval("SELECT object_key FROM gateway.uploads")
    assert [found.object_name for found in left] == [kept]


async def test_a_silent_stream_is_ended(serve: Serve) -> None:
    async with serve(upload_silence_seconds=0.3) as gateway:
        upload = await gateway.client.new_upload()

        async def silent() -> AsyncIterator[pb.WriteUploadRequest]:
            for message in messages(upload.name, os.urandom(MIB), 0, None):
                yield message
            await asyncio.Event().wait()

        assert await reason(gateway.client.uploads.WriteUpload(silent())) == "DEADLINE_EXCEEDED"


async def test_a_part_may_be_sent_again(gateway: Gateway) -> None:
    data = os.urandom(1000)
    upload = await gateway.client.new_upload()
    (url,) = await urls(gateway, upload.name, 1)
    await put(url, b"a mistake")
    tag = await put(url, data)
    parts = [pb.UploadPart(part_number=1, etag=tag)]
    request = pb.CompleteUploadRequest(name=upload.name, sha256=digest(data), parts=parts)
    assert (await gateway.client.uploads.CompleteUpload(request)).state == pb.Upload.STATE_READY
    assert await stored(gateway, upload.name) == data

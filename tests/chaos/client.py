"""A client that takes nothing for granted: it retries as the documentation says, resumes, and writes down what it is
told.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from typing import Any, TypeVar

import grpc
import urllib3
from locution.v1 import job_config_pb2 as config
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import upload_service_pb2 as uploads
from locution.v1.job_service_pb2_grpc import JobServiceStub
from locution.v1.transcript_service_pb2_grpc import TranscriptServiceStub
from locution.v1.upload_service_pb2_grpc import UploadServiceStub
from locution_common.interceptors import remote_failure

from tests.chaos.history import TERMINAL, Asked, History, Sent
from tests.chaos.recordings import Recording

T = TypeVar("T")
Code = grpc.StatusCode
AGAIN = (Code.UNAVAILABLE, Code.RESOURCE_EXHAUSTED, Code.DEADLINE_EXCEEDED, Code.ABORTED, Code.CANCELLED)
OWN_FAULT = "Internal error from Core"
"""What grpc.aio's client says by itself of a write to a call that has ended; no server sent it."""

MISSTATED = "UPLOAD_DIGEST_MISMATCH"
"""What a wrong digest is told. Where the digest was right, the upload is FAILED, which `settled` takes as a violation."""

MISTAGGED = "UPLOAD_PART_INVALID"
"""What a wrong tag of a part is told: send the part again."""

CALL_SECONDS = 15.0
PATIENCE = 75.0
CHUNK = 256 * 1024


class Gone(Exception):
    """The resource was deleted meanwhile, by this client's own wish."""


class Client:
    """One client's calls, over one channel."""

    def __init__(self, channel: grpc.aio.Channel, history: History, rng: random.Random) -> None:
        self.uploads = UploadServiceStub(channel)
        self.jobs = JobServiceStub(channel)
        self.transcripts = TranscriptServiceStub(channel)
        self.history = history
        self.rng = rng

    async def call(self, method: str, attempt: Callable[[], Awaitable[T]]) -> T:
        """Call until it is answered or refused for good; gives up after PATIENCE seconds."""
        async with asyncio.timeout(PATIENCE):
            while True:
                try:
                    return await attempt()
                except grpc.aio.AioRpcError as error:
                    self.refused(method, error)
                    if error.code() not in AGAIN:
                        raise
                await asyncio.sleep(self.rng.uniform(0.1, 0.5))

    def refused(self, method: str, error: grpc.aio.AioRpcError) -> str:
        """Note a failure and return its reason; one of the server's own is a violation."""
        code, reason = error.code(), remote_failure(error).reason or ""
        self.history.refusals[method, code.name, reason] += 1
        if error.details() == OWN_FAULT or reason == MISSTATED:
            return reason
        if code in (Code.INTERNAL, Code.UNKNOWN, Code.DATA_LOSS) or (code not in AGAIN and not reason):
            self.history.violated(f"{method} failed with {code.name} {reason}: {error.details()}")
        return reason

    async def send(self, recording: Recording, cuts: int = 0) -> Sent:
        """Upload a recording in one stream or, cut so often, in several; returns once it is READY."""
        request = uploads.CreateUploadRequest(
            upload=uploads.Upload(size_bytes=len(recording.data), display_name=recording.name),
            request_id=uuid.uuid4().hex,
        )
        made = await self.call("CreateUpload", lambda: self.uploads.CreateUpload(request, timeout=CALL_SECONDS))
        sent = Sent(made.name, len(recording.data), recording.sha256, recording.name)
        self.history.uploads[made.name] = sent
        async with asyncio.timeout(PATIENCE):
            while (await self.get_upload(sent)).state == uploads.Upload.STATE_WRITING:
                await self.stream(sent, recording.data, cut=cuts > 0)
                cuts -= 1
        return await self.settled(sent)

    async def send_parts(self, recording: Recording) -> Sent:
        """Upload a recording straight to the object store by presigned URLs, parts in parallel."""
        request = uploads.CreateUploadRequest(
            upload=uploads.Upload(size_bytes=len(recording.data), display_name=recording.name),
            request_id=uuid.uuid4().hex,
        )
        made = await self.call("CreateUpload", lambda: self.uploads.CreateUpload(request, timeout=CALL_SECONDS))
        sent = Sent(made.name, len(recording.data), recording.sha256, recording.name, offered=len(recording.data))
        self.history.uploads[made.name] = sent
        size = 8 * 1024 * 1024
        numbers = range(1, -(-len(recording.data) // size) + 1)
        asked = uploads.CreateUploadPartUrlsRequest(name=made.name, part_numbers=numbers)
        urls = await self.call(
            "CreateUploadPartUrls", lambda: self.uploads.CreateUploadPartUrls(asked, timeout=CALL_SECONDS)
        )
        pieces = [recording.data[size * (n - 1) : size * n] for n in numbers]
        async with asyncio.timeout(PATIENCE):
            while True:
                tags = await asyncio.gather(
                    *(put(each.url, piece) for each, piece in zip(urls.urls, pieces, strict=True))
                )
                stated = [uploads.UploadPart(part_number=n, etag=tag) for n, tag in zip(numbers, tags, strict=True)]
                if await self._complete(
                    uploads.CompleteUploadRequest(name=made.name, sha256=recording.sha256, parts=stated)
                ):
                    return await self.settled(sent)

    async def _complete(self, finish: uploads.CompleteUploadRequest) -> bool:
        """Complete an upload; tell whether its parts were right. A store that lies may have given a wrong tag."""
        try:
            await self.call("CompleteUpload", lambda: self.uploads.CompleteUpload(finish, timeout=CALL_SECONDS))
        except grpc.aio.AioRpcError as error:
            if remote_failure(error).reason != MISTAGGED:
                raise
            return False
        return True

    async def get_upload(self, sent: Sent) -> uploads.Upload:
        """Read an upload and note its offset."""
        request = uploads.GetUploadRequest(name=sent.name)
        upload: uploads.Upload = await self.call(
            "GetUpload", lambda: self.uploads.GetUpload(request, timeout=CALL_SECONDS)
        )
        self.history.observed(sent, upload.committed_bytes)
        return upload

    async def settled(self, sent: Sent) -> Sent:
        """Wait until an upload was verified, and note that it is acknowledged."""
        async with asyncio.timeout(PATIENCE):
            while (upload := await self.get_upload(sent)).state == uploads.Upload.STATE_VERIFYING:
                await asyncio.sleep(0.1)
        if upload.state != uploads.Upload.STATE_READY:
            self.history.violated(f"I1 {sent.name}: sealed, then {upload.state} for {upload.error_reason}")
        elif (upload.size_bytes, upload.sha256) != (sent.size, sent.sha256):
            self.history.violated(f"I1 {sent.name}: READY with another size or digest")
        sent.ready = upload.state == uploads.Upload.STATE_READY
        return sent

    async def stream(self, sent: Sent, data: bytes, cut: bool) -> None:
        """Write from the committed offset; a cut stream ends at a place of chance, by a break or by half-closing."""
        offset = sent.committed
        end = self.rng.randrange(offset, len(data)) if cut and offset < len(data) else len(data)
        apart = not cut and self.rng.random() < 0.3
        finish = None if cut or apart else uploads.WriteUploadFinish(sha256=sent.sha256)
        call = self.uploads.WriteUpload(self.messages(sent, data, offset, end, finish), timeout=CALL_SECONDS)
        if cut:
            self.history.cuts += 1
            if self.rng.random() < 0.5:
                asyncio.get_running_loop().call_later(self.rng.uniform(0.005, 0.1), call.cancel)
        try:
            upload = await call
            self.history.observed(sent, upload.committed_bytes)
            if apart:
                request = uploads.CompleteUploadRequest(name=sent.name, sha256=sent.sha256)
                await self.call("CompleteUpload", lambda: self.uploads.CompleteUpload(request, timeout=CALL_SECONDS))
        except grpc.aio.AioRpcError as error:
            self.refused("WriteUpload", error)
            await asyncio.sleep(self.rng.uniform(0.05, 0.3))
        except asyncio.CancelledError:
            if asyncio.current_task().cancelling():  # type: ignore[union-attr]  # we are in a task
                raise

    async def messages(
        self, sent: Sent, data: bytes, offset: int, end: int, finish: uploads.WriteUploadFinish | None
    ) -> AsyncIterator[uploads.WriteUploadRequest]:
        """Yield what a stream of these bytes is made of, noting what is offered."""
        yield uploads.WriteUploadRequest(start=uploads.WriteUploadStart(name=sent.name, offset=offset))
        for place in range(offset, end, CHUNK):
            piece = data[place : min(place + CHUNK, end)]
            sent.offered = max(sent.offered, place + len(piece))
            yield uploads.WriteUploadRequest(data=piece)
        if finish is not None:
            yield uploads.WriteUploadRequest(finish=finish)

    async def create(self, sent: Sent, diarize: bool) -> Asked:
        """Create a job; now and then ask twice, which must give the same one."""
        label = uuid.uuid4().hex
        wanted = config.JobConfig(language="en", prompt=label, diarization=config.DiarizationConfig(enabled=diarize))
        job = jobs.Job(upload=sent.name, config=wanted, display_name=sent.recording, tags=["chaos"])
        request = jobs.CreateJobRequest(job=job, request_id=label)
        made = await self.call("CreateJob", lambda: self.jobs.CreateJob(request, timeout=CALL_SECONDS))
        asked = self.history.jobs[made.name] = Asked(made.name, label, sent.recording, diarize)
        if self.rng.random() < 0.3:
            again = await self.call("CreateJob", lambda: self.jobs.CreateJob(request, timeout=CALL_SECONDS))
            if again.name != made.name:
                self.history.violated(f"{made.name}: its request_id also made {again.name}")
        return asked

    async def watch(self, asked: Asked) -> None:
        """Follow a job to its end, breaking off now and then and going on from the last cursor. Raises Gone."""
        async with asyncio.timeout(PATIENCE * 2):
            while asked.ended_at is None:
                cursor = f"{asked.id.replace('-', '')}.{asked.cursors[-1]}" if asked.cursors else ""
                request = jobs.WatchJobRequest(name=asked.name, after_cursor=cursor)
                call = self.jobs.WatchJob(request)
                try:
                    await self._follow(asked, call)
                except grpc.aio.AioRpcError as error:
                    reason = self.refused("WatchJob", error)
                    if reason == "JOB_NOT_FOUND" and asked.deleting:
                        raise Gone from None
                    if error.code() not in AGAIN:
                        self.history.violated(f"WatchJob {asked.name}: {error.code().name} {reason}")
                        return
                    await asyncio.sleep(self.rng.uniform(0.05, 0.3))
                self.history.reconnects += 1

    async def _follow(self, asked: Asked, call: Any) -> None:
        patience = self.rng.randrange(1, 12)
        async for event in call:
            kind = event.WhichOneof("event")
            state = (
                jobs.Job.State.Name(event.state_changed.state).removeprefix("STATE_")
                if kind == "state_changed"
                else None
            )
            self.history.saw(asked, event.cursor, state)
            patience -= 1
            if patience == 0 and asked.ended_at is None:
                call.cancel()
                return

    async def cancel(self, asked: Asked) -> None:
        """Cancel a job; one that has ended already is refused."""
        with suppress(grpc.aio.AioRpcError):
            request = jobs.CancelJobRequest(name=asked.name)
            await self.call("CancelJob", lambda: self.jobs.CancelJob(request, timeout=CALL_SECONDS))
            asked.cancelled = True

    async def delete(self, asked: Asked) -> None:
        """Delete a job in whatever state."""
        asked.deleting = True
        request = jobs.DeleteJobRequest(name=asked.name)
        try:
            await self.call("DeleteJob", lambda: self.jobs.DeleteJob(request, timeout=CALL_SECONDS))
        except grpc.aio.AioRpcError as error:
            if error.code() is not Code.NOT_FOUND:  # a lost answer's second try finds nothing
                raise
        asked.deleted_at = asyncio.get_running_loop().time()

    async def retry(self, asked: Asked) -> Asked:
        """Retry a job that was cancelled or failed."""
        request = jobs.RetryJobRequest(name=asked.name, request_id=uuid.uuid4().hex)
        made = await self.call("RetryJob", lambda: self.jobs.RetryJob(request, timeout=CALL_SECONDS))
        again = Asked(made.name, asked.label, asked.recording, asked.diarize, retry_of=asked.name)
        self.history.jobs[made.name] = again
        return again

    async def delete_upload(self, sent: Sent) -> None:
        """Delete an upload; one that a job still has to decode is refused."""
        request = uploads.DeleteUploadRequest(name=sent.name)
        try:
            await self.call("DeleteUpload", lambda: self.uploads.DeleteUpload(request, timeout=CALL_SECONDS))
        except grpc.aio.AioRpcError as error:
            if error.code() is not Code.NOT_FOUND:
                return
        sent.deleted_at = asyncio.get_running_loop().time()


async def put(url: str, data: bytes) -> str:
    """PUT a part to its presigned URL until the store takes it, and return its ETag."""
    retries = urllib3.Retry(total=20, backoff_factor=0.1, status_forcelist=[500, 503], allowed_methods=["PUT"])
    with urllib3.PoolManager(timeout=10, retries=retries) as pool:
        answer = await asyncio.to_thread(pool.request, "PUT", url, body=data)
    assert answer.status == 200, answer.data
    return str(answer.headers["ETag"])


__all__ = ["TERMINAL", "Client", "Gone"]

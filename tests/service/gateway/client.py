"""A client of the public API, with the short words that tests use."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Iterable
from typing import Any

import grpc
import pytest
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import upload_service_pb2 as uploads
from locution.v1 import voice_service_pb2 as voices
from locution.v1.job_service_pb2_grpc import JobServiceStub
from locution.v1.model_service_pb2_grpc import ModelServiceStub
from locution.v1.system_service_pb2_grpc import SystemServiceStub
from locution.v1.transcript_service_pb2_grpc import TranscriptServiceStub
from locution.v1.upload_service_pb2_grpc import UploadServiceStub
from locution.v1.voice_service_pb2_grpc import VoiceServiceStub
from locution_common.errors import Reason
from locution_common.interceptors import RemoteFailure, remote_failure

MIB = 1024 * 1024
PART = 8 * MIB


class Client:
    """The stubs of all services on one channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self.uploads = UploadServiceStub(channel)
        self.jobs = JobServiceStub(channel)
        self.transcripts = TranscriptServiceStub(channel)
        self.models = ModelServiceStub(channel)
        self.system = SystemServiceStub(channel)
        self.voices = VoiceServiceStub(channel)

    async def new_upload(self, **fields: Any) -> uploads.Upload:
        return await self.uploads.CreateUpload(uploads.CreateUploadRequest(upload=uploads.Upload(**fields)))

    async def upload(self, data: bytes, **fields: Any) -> uploads.Upload:
        """Send bytes whole, with their digest."""
        upload = await self.new_upload(**fields)
        return await self.write(upload.name, data, finish=hashlib.sha256(data).hexdigest())

    async def write(self, name: str, data: bytes, offset: int = 0, finish: str | None = "") -> uploads.Upload:
        """Write bytes in one stream; `finish` is the digest to end with, "" for none, None not to finish."""
        return await self.uploads.WriteUpload(each(messages(name, data, offset, finish)))

    async def get_upload(self, name: str) -> uploads.Upload:
        return await self.uploads.GetUpload(uploads.GetUploadRequest(name=name))

    async def job(self, upload: str, request_id: str = "", validate_only: bool = False, **fields: Any) -> jobs.Job:
        job = jobs.Job(upload=upload, **fields)
        request = jobs.CreateJobRequest(job=job, request_id=request_id, validate_only=validate_only)
        return await self.jobs.CreateJob(request)

    async def get_job(self, name: str) -> jobs.Job:
        return await self.jobs.GetJob(jobs.GetJobRequest(name=name))

    async def enrol(self, name: str, job: str, speaker: str = "SPEAKER_00", request_id: str = "") -> str:
        """Enrol a job's speaker and return the voice's name."""
        wanted = voices.Voice(display_name=name)
        request = voices.CreateVoiceRequest(voice=wanted, job=job, speaker=speaker, request_id=request_id)
        return (await self.voices.CreateVoice(request)).name

    async def events(self, name: str, cursor: str = "") -> list[jobs.JobEvent]:
        """Return every event of a job that ends."""
        call = self.jobs.WatchJob(jobs.WatchJobRequest(name=name, after_cursor=cursor))
        return [event async for event in call]


def messages(name: str, data: bytes, offset: int, finish: str | None) -> Iterable[uploads.WriteUploadRequest]:
    yield uploads.WriteUploadRequest(start=uploads.WriteUploadStart(name=name, offset=offset))
    for place in range(0, len(data), MIB):
        yield uploads.WriteUploadRequest(data=data[place : place + MIB])
    if finish is not None:
        yield uploads.WriteUploadRequest(finish=uploads.WriteUploadFinish(sha256=finish or None))


async def each(requests: Iterable[Any]) -> AsyncIterator[Any]:
    for request in requests:
        yield request


async def refusal(call: Awaitable[Any]) -> RemoteFailure:
    """Return how a call is refused; fail when it is not."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return remote_failure(caught.value)


async def reason(call: Awaitable[Any]) -> Reason | None:
    """Return the ErrorReason with which a call is refused."""
    return (await refusal(call)).reason

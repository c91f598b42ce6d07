"""The checks: each returns what it saw in a line, or raises CheckFailed or the error of a call."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from locution.v1 import job_service_pb2, live_service_pb2, transcript_service_pb2, upload_service_pb2
from locution.v1.job_service_pb2_grpc import JobServiceStub
from locution.v1.live_service_pb2_grpc import LiveServiceStub
from locution.v1.transcript_service_pb2_grpc import TranscriptServiceStub
from locution.v1.upload_service_pb2_grpc import UploadServiceStub
from locution_common.channels import open_channel

from locution_gateway.selftest.accounts import CALL_SECONDS, channel, tenant
from locution_gateway.selftest.recording import Recording, recording
from locution_gateway.selftest.settings import HealthCheckSettings, WorkCheckSettings

TENANT = "helm-test"
FOREIGN_TENANT = "helm-test-foreign"
ASK_AGAIN_SECONDS = 0.5
PIECE_SECONDS = 0.1
SERVING = health_pb2.HealthCheckResponse.ServingStatus.Name(health_pb2.HealthCheckResponse.SERVING)
RUNNING = (job_service_pb2.Job.STATE_QUEUED, job_service_pb2.Job.STATE_RUNNING)


class CheckFailed(Exception):
    """The installation does not do what it should; the message says what."""


async def health(settings: HealthCheckSettings) -> str:
    """Wait until every process is healthy. Raises CheckFailed, naming those that are not in time."""
    targets = settings.targets()
    asked = {"api": channel(settings), **{name: open_channel(address) for name, address in targets.items()}}
    found = dict.fromkeys(asked, "no answer")
    try:
        async with asyncio.timeout(settings.selftest_seconds):
            await asyncio.gather(*(_healthy(name, each, found) for name, each in asked.items()))
    except TimeoutError:
        raise CheckFailed(f"not healthy: {_listed(found, without=SERVING)}") from None
    finally:
        await asyncio.gather(*(each.close() for each in asked.values()))
    return f"healthy: {', '.join(asked)}"


async def _healthy(name: str, asked: grpc.aio.Channel, found: dict[str, str]) -> None:
    stub: Any = health_pb2_grpc.HealthStub(asked)  # its types lack the methods
    while found[name] != SERVING:
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(), timeout=CALL_SECONDS)
            found[name] = health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status)
        except grpc.aio.AioRpcError as error:
            found[name] = described(error)
        if found[name] != SERVING:
            await asyncio.sleep(ASK_AGAIN_SECONDS)


def _listed(found: Mapping[str, str], *, without: str) -> str:
    return "; ".join(f"{name}: {state}" for name, state in found.items() if state != without)


async def job(settings: WorkCheckSettings) -> str:
    """Transcribe a recording and delete it. Raises CheckFailed unless the job succeeds with text."""
    async with tenant(settings, TENANT) as own:
        uploads, jobs = UploadServiceStub(own), JobServiceStub(own)
        upload = await _send(uploads, recording())
        try:
            request = job_service_pb2.CreateJobRequest(job=job_service_pb2.Job(upload=upload, display_name=TENANT))
            made = await jobs.CreateJob(request, timeout=CALL_SECONDS)
            try:
                return await _transcribed(jobs, TranscriptServiceStub(own), made)
            finally:
                await jobs.DeleteJob(job_service_pb2.DeleteJobRequest(name=made.name), timeout=CALL_SECONDS)
        finally:
            await uploads.DeleteUpload(upload_service_pb2.DeleteUploadRequest(name=upload), timeout=CALL_SECONDS)


async def _transcribed(jobs: JobServiceStub, transcripts: TranscriptServiceStub, made: job_service_pb2.Job) -> str:
    while made.state in RUNNING:
        await asyncio.sleep(ASK_AGAIN_SECONDS)
        made = await jobs.GetJob(job_service_pb2.GetJobRequest(name=made.name), timeout=CALL_SECONDS)
    if made.state != job_service_pb2.Job.STATE_SUCCEEDED:
        raise CheckFailed(f"the job ended as {job_service_pb2.Job.State.Name(made.state)}: {made.error.message}")
    request = transcript_service_pb2.GetTranscriptRequest(name=made.transcript)
    transcript = await transcripts.GetTranscript(request, timeout=CALL_SECONDS)
    text = " ".join(segment.text.strip() for segment in transcript.segments)
    warnings = "".join(f"; warning: {warning.message}" for warning in made.warnings)
    if not text:
        raise CheckFailed(f"the job found no text in speech{warnings}")
    return f"transcribed: {text!r}, {len(transcript.speakers)} speakers{warnings}"


async def _send(uploads: UploadServiceStub, sent: Recording) -> str:
    upload = upload_service_pb2.Upload(display_name=TENANT, size_bytes=len(sent.wav))
    made = await uploads.CreateUpload(upload_service_pb2.CreateUploadRequest(upload=upload), timeout=CALL_SECONDS)
    start = upload_service_pb2.WriteUploadStart(name=made.name)
    finish = upload_service_pb2.WriteUploadFinish(sha256=hashlib.sha256(sent.wav).hexdigest())

    async def messages() -> AsyncIterator[upload_service_pb2.WriteUploadRequest]:
        yield upload_service_pb2.WriteUploadRequest(start=start)
        yield upload_service_pb2.WriteUploadRequest(data=sent.wav)
        yield upload_service_pb2.WriteUploadRequest(finish=finish)

    await uploads.WriteUpload(messages(), timeout=CALL_SECONDS)
    return made.name


async def live(settings: WorkCheckSettings) -> str:
    """Transcribe a recording as it is spoken. Raises CheckFailed unless all of it is heard and has text."""
    spoken = recording()
    async with tenant(settings, TENANT) as own:
        stream = LiveServiceStub(own).Stream(_speak(spoken), timeout=settings.selftest_seconds)
        texts: list[str] = []
        async for answer in stream:
            match answer.WhichOneof("message"):
                case "final":
                    texts.append(answer.final.text.strip())
                case "done":
                    return _heard(spoken, answer.done, " ".join(filter(None, texts)))
    raise CheckFailed("the live stream ended without `done`")


def _heard(spoken: Recording, done: live_service_pb2.StreamDone, text: str) -> str:
    heard = done.audio_duration.ToTimedelta().total_seconds()
    if abs(heard - spoken.seconds) > PIECE_SECONDS:
        raise CheckFailed(f"the live stream heard {heard:.1f} s of {spoken.seconds:.1f} s")
    if not text:
        raise CheckFailed("the live stream found no text in speech")
    return f"heard live: {text!r}"


async def _speak(spoken: Recording) -> AsyncIterator[live_service_pb2.StreamRequest]:
    config = live_service_pb2.LiveConfig(
        encoding=live_service_pb2.LiveConfig.ENCODING_PCM_S16LE,
        sample_rate_hertz=spoken.rate,
        afterwards=live_service_pb2.LiveConfig.AFTERWARDS_DELETE,
    )
    yield live_service_pb2.StreamRequest(start=live_service_pb2.StreamStart(config=config))
    size = round(PIECE_SECONDS * spoken.rate) * 2
    for at in range(0, len(spoken.pcm), size):
        audio = live_service_pb2.StreamAudio(offset=at // 2, data=spoken.pcm[at : at + size])
        yield live_service_pb2.StreamRequest(audio=audio)
        await asyncio.sleep(PIECE_SECONDS)
    yield live_service_pb2.StreamRequest(finish=live_service_pb2.StreamFinish())


async def tenants(settings: WorkCheckSettings) -> str:
    """Let another tenant, and a caller without a key, ask for an upload. Raises CheckFailed if one of them gets it."""
    async with tenant(settings, TENANT) as own, tenant(settings, FOREIGN_TENANT) as foreign:
        uploads = UploadServiceStub(own)
        upload = await _send(uploads, recording())
        try:
            await _refused(foreign, upload, grpc.StatusCode.NOT_FOUND)
            async with channel(settings) as stranger:
                await _refused(stranger, upload, grpc.StatusCode.UNAUTHENTICATED)
            await uploads.GetUpload(upload_service_pb2.GetUploadRequest(name=upload), timeout=CALL_SECONDS)
        finally:
            await uploads.DeleteUpload(upload_service_pb2.DeleteUploadRequest(name=upload), timeout=CALL_SECONDS)
    return "another tenant and a caller without a key are refused"


async def _refused(caller: grpc.aio.Channel, upload: str, expected: grpc.StatusCode) -> None:
    uploads, jobs = UploadServiceStub(caller), JobServiceStub(caller)
    named = job_service_pb2.Job(upload=upload)
    calls = (
        partial(uploads.GetUpload, upload_service_pb2.GetUploadRequest(name=upload)),
        partial(jobs.CreateJob, job_service_pb2.CreateJobRequest(job=named, validate_only=True)),
        partial(uploads.DeleteUpload, upload_service_pb2.DeleteUploadRequest(name=upload)),
    )
    for call in calls:
        try:
            answer = await call(timeout=CALL_SECONDS)
        except grpc.aio.AioRpcError as error:
            if error.code() is not expected:
                raise
        else:
            raise CheckFailed(f"a call that should end as {expected.name} was answered: {answer}")


def described(error: grpc.aio.AioRpcError) -> str:
    """Return an error of a call in a line."""
    return f"{error.code().name}: {error.details()}"

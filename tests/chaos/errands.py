"""What clients do beside sending, watching and ending jobs: look, change, give uploads up, delete many at once."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from contextlib import suppress

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import transcript_service_pb2 as transcripts
from locution.v1 import upload_service_pb2 as uploads

from tests.chaos.client import CALL_SECONDS, PATIENCE, Client
from tests.chaos.history import Asked, Sent
from tests.chaos.recordings import recording

OPEN = (uploads.Upload.STATE_WRITING, uploads.Upload.STATE_VERIFYING)


async def look(mine: Client, asked: Asked) -> None:
    """Read what there is of a job and beside it, whatever state it is in; what is not there yet is refused."""
    name, parent = asked.name, f"{asked.name}/transcript"
    seconds = CALL_SECONDS
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "GetJob": lambda: mine.jobs.GetJob(jobs.GetJobRequest(name=name), timeout=seconds),
        "ListJobs": lambda: mine.jobs.ListJobs(jobs.ListJobsRequest(filter="tags:chaos"), timeout=seconds),
        "EstimateJob": lambda: mine.jobs.EstimateJob(jobs.EstimateJobRequest(name=name), timeout=seconds),
        "ListUploads": lambda: mine.uploads.ListUploads(uploads.ListUploadsRequest(), timeout=seconds),
        "GetTranscript": lambda: mine.transcripts.GetTranscript(
            transcripts.GetTranscriptRequest(name=parent), timeout=seconds
        ),
        "ListSegments": lambda: mine.transcripts.ListSegments(
            transcripts.ListSegmentsRequest(parent=parent), timeout=seconds
        ),
    }
    for method in mine.rng.sample(sorted(calls), 3):
        with suppress(grpc.aio.AioRpcError):
            await mine.call(method, calls[method])


async def retag(mine: Client, asked: Asked, tag: str) -> None:
    """Give a job another tag beside its own."""
    wanted = jobs.Job(name=asked.name, tags=["chaos", tag])
    request = jobs.UpdateJobRequest(job=wanted, update_mask=FieldMask(paths=["tags"]))
    await mine.call("UpdateJob", lambda: mine.jobs.UpdateJob(request, timeout=CALL_SECONDS))


async def delete_many(mine: Client, asked: Asked) -> None:
    """Delete an ended job by a filter that names it alone; a lost answer's second try finds none."""
    tag = f"t{asked.label[:12]}"
    await retag(mine, asked, tag)
    asked.deleting = True
    request = jobs.BatchDeleteJobsRequest(filter=f"tags:{tag}")
    await mine.call("BatchDeleteJobs", lambda: mine.jobs.BatchDeleteJobs(request, timeout=CALL_SECONDS))
    asked.deleted_at = asyncio.get_running_loop().time()


async def give_up(mine: Client) -> None:
    """Begin an upload of several parts, break off, and delete it."""
    recorded = recording("wide")
    wanted = uploads.Upload(size_bytes=len(recorded.data), display_name=recorded.name)
    request = uploads.CreateUploadRequest(upload=wanted, request_id=uuid.uuid4().hex)
    made = await mine.call("CreateUpload", lambda: mine.uploads.CreateUpload(request, timeout=CALL_SECONDS))
    sent = mine.history.uploads[made.name] = Sent(made.name, len(recorded.data), recorded.sha256, recorded.name)
    await mine.stream(sent, recorded.data, cut=True)
    await mine.delete_upload(sent)


async def misstate(mine: Client) -> None:
    """Send a recording whole and state another digest: it must end FAILED, whatever dies meanwhile."""
    recorded = recording("short")
    wanted = uploads.Upload(size_bytes=len(recorded.data), display_name=recorded.name)
    request = uploads.CreateUploadRequest(upload=wanted, request_id=uuid.uuid4().hex)
    made, again = [
        await mine.call("CreateUpload", lambda: mine.uploads.CreateUpload(request, timeout=CALL_SECONDS))
        for _ in range(2)
    ]
    if made.name != again.name:
        mine.history.violated(f"{made.name}: its request_id also made {again.name}")
    sent = mine.history.uploads[made.name] = Sent(made.name, len(recorded.data), "0" * 64, recorded.name)
    async with asyncio.timeout(PATIENCE):
        while (state := (await mine.get_upload(sent)).state) in OPEN:
            if state == uploads.Upload.STATE_WRITING:
                await mine.stream(sent, recorded.data, cut=False)
            await asyncio.sleep(0.1)
    if state != uploads.Upload.STATE_FAILED:
        mine.history.violated(f"I1 {sent.name}: sealed with a wrong digest, then {state}")

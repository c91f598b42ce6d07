"""Create, read, watch, change and end jobs."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import grpc
from google.protobuf.field_mask_pb2 import FieldMask
from locution.v1 import job_config_pb2
from locution.v1 import job_service_pb2 as pb
from locution.v1.job_service_pb2_grpc import JobServiceStub

from locution_client.calls import ATTEMPTS, DEADLINE, may_repeat, retrying, wait_before
from locution_client.errors import from_rpc

LONG = 600.0
"""Seconds for a call that changes many rows."""

TERMINAL = frozenset({pb.Job.STATE_SUCCEEDED, pb.Job.STATE_FAILED, pb.Job.STATE_CANCELLED})


class Jobs:
    """Call JobService."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._stub = JobServiceStub(channel)
        self._metadata = metadata

    async def create(self, upload: str, config: job_config_pb2.JobConfig, *, label: str = "") -> pb.Job:
        """Create a job from an upload."""
        job = pb.Job(upload=upload, config=config, display_name=label[:512])
        request = pb.CreateJobRequest(job=job, request_id=str(uuid.uuid4()))
        return await retrying(lambda: self._stub.CreateJob(request, metadata=self._metadata, timeout=DEADLINE))

    async def get(self, name: str) -> pb.Job:
        """Read one job."""
        request = pb.GetJobRequest(name=name)
        return await retrying(lambda: self._stub.GetJob(request, metadata=self._metadata, timeout=DEADLINE))

    async def newest(self, limit: int = 50, *, matching: str = "") -> list[pb.Job]:
        """List the newest jobs, of those that a filter names (AIP-160)."""
        jobs: list[pb.Job] = []
        token = ""
        while len(jobs) < limit:
            request = pb.ListJobsRequest(page_size=min(1000, limit - len(jobs)), page_token=token, filter=matching)
            page = await self._page(request)
            jobs.extend(page.jobs)
            token = page.next_page_token
            if not token:
                break
        return jobs[:limit]

    async def cancel(self, name: str) -> pb.Job:
        """Ask for a job's end; return the job, which may still be ending."""
        request = pb.CancelJobRequest(name=name)
        return await retrying(lambda: self._stub.CancelJob(request, metadata=self._metadata, timeout=DEADLINE))

    async def retry(self, name: str) -> pb.Job:
        """Make a new job of one that failed or was cancelled; what it finished is adopted."""
        request = pb.RetryJobRequest(name=name, request_id=str(uuid.uuid4()))
        return await retrying(lambda: self._stub.RetryJob(request, metadata=self._metadata, timeout=DEADLINE))

    async def update(self, job: pb.Job, fields: Iterable[str]) -> pb.Job:
        """Change some of display_name, tags and priority; an etag in the job must be current."""
        request = pb.UpdateJobRequest(job=job, update_mask=FieldMask(paths=fields))
        return await retrying(lambda: self._stub.UpdateJob(request, metadata=self._metadata, timeout=DEADLINE))

    async def delete(self, name: str) -> None:
        """Delete a job with all that it made."""
        request = pb.DeleteJobRequest(name=name)
        await retrying(lambda: self._stub.DeleteJob(request, metadata=self._metadata, timeout=DEADLINE))

    async def delete_matching(self, matching: str, *, count_only: bool = False) -> int:
        """Delete, or only count, the finished jobs that a filter names (AIP-160)."""
        request = pb.BatchDeleteJobsRequest(filter=matching, validate_only=count_only)
        answer = await retrying(lambda: self._stub.BatchDeleteJobs(request, metadata=self._metadata, timeout=LONG))
        return answer.job_count

    async def estimate(self, what: str | timedelta) -> pb.EstimateJobResponse:
        """Say what a job, or a new one of so much audio, would take."""
        request = pb.EstimateJobRequest()
        if isinstance(what, str):
            request.name = what
        else:
            request.audio_duration.FromTimedelta(what)
        return await retrying(lambda: self._stub.EstimateJob(request, metadata=self._metadata, timeout=DEADLINE))

    async def watch(self, name: str, *, after_cursor: str = "") -> AsyncIterator[pb.JobEvent]:
        """Yield a job's events to its terminal one, going on behind the last cursor after a broken connection."""
        cursor, stalled = after_cursor, 0
        while True:
            request = pb.WatchJobRequest(name=name, after_cursor=cursor)
            try:
                async for event in self._stub.WatchJob(request, metadata=self._metadata):
                    cursor, stalled = event.cursor, 0
                    yield event
            except grpc.aio.AioRpcError as error:
                failure = from_rpc(error)
                stalled += 1
                if not may_repeat(failure) or stalled >= ATTEMPTS:
                    raise failure from error
                await asyncio.sleep(wait_before(stalled, failure))
            else:
                return

    async def _page(self, request: pb.ListJobsRequest) -> pb.ListJobsResponse:
        return await retrying(lambda: self._stub.ListJobs(request, metadata=self._metadata, timeout=DEADLINE))

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

from locution_client.calls import LONGEST_WAIT, Access, Tries, may_repeat
from locution_client.errors import from_rpc
from locution_client.labels import label as fit
from locution_client.service import Service

LONG = 600.0
"""Seconds for a call that changes many rows."""

TERMINAL = frozenset({pb.Job.STATE_SUCCEEDED, pb.Job.STATE_FAILED, pb.Job.STATE_CANCELLED})


class Jobs(Service):
    """Call JobService."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
        self._stub = JobServiceStub(channel)

    async def create(
        self,
        upload: str,
        config: job_config_pb2.JobConfig,
        *,
        label: str = "",
        tags: Iterable[str] = (),
        priority: int = 0,
    ) -> pb.Job:
        """Create a job from an upload."""
        job = pb.Job(upload=upload, config=config, display_name=fit(label), tags=tags, priority=priority)
        return await self._call(self._stub.CreateJob, pb.CreateJobRequest(job=job, request_id=str(uuid.uuid4())))

    async def check(self, config: job_config_pb2.JobConfig, *, tags: Iterable[str] = (), priority: int = 0) -> pb.Job:
        """Return the job that these options would make, and create nothing. Raises ApiError."""
        job = pb.Job(config=config, tags=tags, priority=priority)
        return await self._call(self._stub.CreateJob, pb.CreateJobRequest(job=job, validate_only=True))

    async def get(self, name: str) -> pb.Job:
        """Read one job."""
        return await self._call(self._stub.GetJob, pb.GetJobRequest(name=name))

    async def newest(self, limit: int = 50, *, matching: str = "") -> list[pb.Job]:
        """List the newest jobs that match a filter (AIP-160)."""
        return await self._list(self._stub.ListJobs, pb.ListJobsRequest(filter=matching), "jobs", limit)

    async def cancel(self, name: str) -> pb.Job:
        """Cancel a job and return it; it may still be running."""
        return await self._call(self._stub.CancelJob, pb.CancelJobRequest(name=name))

    async def retry(self, name: str) -> pb.Job:
        """Create a new job from one that failed or was cancelled. It adopts the stages that finished."""
        return await self._call(self._stub.RetryJob, pb.RetryJobRequest(name=name, request_id=str(uuid.uuid4())))

    async def update(self, job: pb.Job, fields: Iterable[str]) -> pb.Job:
        """Change some of display_name, tags and priority. If the job has an etag, it must be current."""
        return await self._call(self._stub.UpdateJob, pb.UpdateJobRequest(job=job, update_mask=FieldMask(paths=fields)))

    async def delete(self, name: str) -> None:
        """Delete a job with all its results."""
        await self._call(self._stub.DeleteJob, pb.DeleteJobRequest(name=name))

    async def delete_matching(self, matching: str, *, count_only: bool = False) -> int:
        """Delete, or only count, the finished jobs that match a filter (AIP-160)."""
        request = pb.BatchDeleteJobsRequest(filter=matching, validate_only=count_only)
        answer = await self._call(self._stub.BatchDeleteJobs, request, timeout=LONG)
        return answer.job_count

    async def estimate(self, what: str | timedelta) -> pb.EstimateJobResponse:
        """Estimate an existing job, or a new one with this much audio."""
        request = pb.EstimateJobRequest()
        if isinstance(what, str):
            request.name = what
        else:
            request.audio_duration.FromTimedelta(what)
        return await self._call(self._stub.EstimateJob, request)

    async def watch(
        self, name: str, *, after_cursor: str = "", patience: float | None = None
    ) -> AsyncIterator[pb.JobEvent]:
        """Yield a job's events up to the terminal one; after a broken connection, resume after the last cursor.

        Raises ApiError for errors that another attempt cannot cure, and after `patience` seconds without a connection
        (default: as long as other calls wait).
        """
        loop = asyncio.get_running_loop()
        cursor, tries = after_cursor, Tries(self._access)
        while True:
            request, began = pb.WatchJobRequest(name=name, after_cursor=cursor), loop.time()
            try:
                async for event in self._stub.WatchJob(request, metadata=self._access.metadata):
                    cursor, self._access.answered = event.cursor, True
                    tries.progress()
                    yield event
            except grpc.aio.AioRpcError as error:
                failure = from_rpc(error)
                if not may_repeat(failure):
                    raise failure from error
                if loop.time() - began > LONGEST_WAIT:  # it was connected until now
                    tries.progress()
                await tries.wait(failure, patience)
            else:
                return

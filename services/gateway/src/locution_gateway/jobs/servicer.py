"""JobService."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from google.protobuf.empty_pb2 import Empty
from locution.v1 import job_service_pb2 as pb
from locution.v1.job_service_pb2_grpc import JobServiceServicer
from locution_common.auth import caller

from locution_gateway.jobs import convert
from locution_gateway.jobs.cancel import CancelJob
from locution_gateway.jobs.create import CreateJob
from locution_gateway.jobs.delete import DeleteJobs
from locution_gateway.jobs.estimate import EstimateJob
from locution_gateway.jobs.read import ReadJobs
from locution_gateway.jobs.retry import RetryJob
from locution_gateway.jobs.update import UpdateJob
from locution_gateway.jobs.watch import WatchJob
from locution_gateway.platform.convert import request_key
from locution_gateway.platform.each import each
from locution_gateway.platform.etags import version
from locution_gateway.platform.names import JOBS
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.servicer import Context


@dataclass(frozen=True, slots=True)
class Jobs(JobServiceServicer):
    """Turns uploads into transcripts."""

    create: CreateJob
    read: ReadJobs
    watch: WatchJob
    cancel: CancelJob
    retry: RetryJob
    update: UpdateJob
    delete: DeleteJobs
    estimate: EstimateJob

    async def CreateJob(self, request: pb.CreateJobRequest, context: Context) -> pb.Job:
        draft = convert.draft(request.job, validate_only=request.validate_only)
        if request.validate_only:
            return convert.job_to_proto(await self.create.check(caller(Principal), draft))
        job = await self.create.run(caller(Principal), draft, request_key("CreateJob", request))
        return convert.job_to_proto(job)

    async def GetJob(self, request: pb.GetJobRequest, context: Context) -> pb.Job:
        return convert.job_to_proto(await self.read.get(caller(Principal), JOBS.id(request.name)))

    async def ListJobs(self, request: pb.ListJobsRequest, context: Context) -> pb.ListJobsResponse:
        page = await self.read.list(
            caller(Principal), request.page_size, request.page_token, request.filter, request.order_by
        )
        jobs = await each(convert.job_to_proto, page.jobs)
        return pb.ListJobsResponse(jobs=jobs, next_page_token=page.next_token, total_size=page.total)

    async def WatchJob(self, request: pb.WatchJobRequest, context: Context) -> AsyncIterator[pb.JobEvent]:
        job_id = JOBS.id(request.name)
        async for event in self.watch.run(caller(Principal), job_id, request.after_cursor):
            yield convert.event_to_proto(job_id, event)

    async def CancelJob(self, request: pb.CancelJobRequest, context: Context) -> pb.Job:
        return convert.job_to_proto(await self.cancel.run(caller(Principal), JOBS.id(request.name)))

    async def RetryJob(self, request: pb.RetryJobRequest, context: Context) -> pb.Job:
        key = request_key("RetryJob", request)
        return convert.job_to_proto(await self.retry.run(caller(Principal), JOBS.id(request.name), key))

    async def UpdateJob(self, request: pb.UpdateJobRequest, context: Context) -> pb.Job:
        job_id, current = JOBS.id(request.job.name), version(request.job.etag)
        values, mask = convert.change(request.job), request.update_mask.paths
        return convert.job_to_proto(await self.update.run(caller(Principal), job_id, current, mask, values))

    async def DeleteJob(self, request: pb.DeleteJobRequest, context: Context) -> Empty:
        await self.delete.one(caller(Principal), JOBS.id(request.name), version(request.etag))
        return Empty()

    async def BatchDeleteJobs(self, request: pb.BatchDeleteJobsRequest, context: Context) -> pb.BatchDeleteJobsResponse:
        run = self.delete.count if request.validate_only else self.delete.matching
        return pb.BatchDeleteJobsResponse(job_count=await run(caller(Principal), request.filter))

    async def EstimateJob(self, request: pb.EstimateJobRequest, context: Context) -> pb.EstimateJobResponse:
        if request.WhichOneof("subject") == "name":
            estimate = await self.estimate.existing(caller(Principal), JOBS.id(request.name))
        else:
            estimate = await self.estimate.new(caller(Principal), request.audio_duration.ToTimedelta())
        return convert.estimate_to_proto(estimate)

"""A job whose row is damaged: it is shown as such, ends, and is deleted; the tenant's other jobs are untouched."""

from __future__ import annotations

import asyncio

import pytest
from google.protobuf.duration_pb2 import Duration
from google.rpc.error_details_pb2 import ErrorInfo
from locution.v1 import job_config_pb2 as config
from locution.v1 import job_service_pb2 as pb

from tests.service.gateway.client import reason
from tests.service.gateway.conftest import Gateway


async def damage(gateway: Gateway, job: pb.Job) -> None:
    statement = "UPDATE gateway.jobs SET effective_config = $1 WHERE replace(job_id::text, '-', '') = $2"
    job_id = job.name.removeprefix("jobs/").replace("-", "")
    done = await gateway.owner.execute(statement, '{"task": "SING"}', job_id)
    assert done == "UPDATE 1"


def assert_damaged(shown: pb.Job, job: pb.Job, state: pb.Job.State.ValueType) -> None:
    assert (shown.name, shown.display_name, shown.state, shown.upload) == (job.name, "damaged", state, job.upload)
    detail = ErrorInfo()
    assert shown.error.details[0].Unpack(detail)
    assert detail.reason == "ROW_UNREADABLE"
    assert not shown.HasField("effective_config")
    assert not shown.models


async def test_a_damaged_job_is_shown_as_such_and_ends(gateway: Gateway, upload: str) -> None:
    job, sound = await gateway.client.job(upload, display_name="damaged"), await gateway.client.job(upload)
    await damage(gateway, job)
    assert_damaged(await gateway.client.get_job(job.name), job, pb.Job.STATE_QUEUED)
    listed = {each.name: each for each in (await gateway.client.jobs.ListJobs(pb.ListJobsRequest())).jobs}
    assert listed.keys() == {job.name, sound.name}
    assert_damaged(listed[job.name], job, pb.Job.STATE_QUEUED)
    assert listed[sound.name].effective_config.asr_model == "whisper/base"
    ended = await gateway.client.jobs.CancelJob(pb.CancelJobRequest(name=job.name))
    assert_damaged(ended, job, pb.Job.STATE_FAILED)
    async with asyncio.timeout(30):
        states = [
            event.state_changed.state async for event in gateway.client.jobs.WatchJob(pb.WatchJobRequest(name=job.name))
        ]
    assert states[-1] == pb.Job.STATE_FAILED
    await gateway.client.jobs.DeleteJob(pb.DeleteJobRequest(name=job.name))
    assert (await gateway.client.get_job(sound.name)).state == pb.Job.STATE_QUEUED


@pytest.mark.parametrize("seconds", [3599, 3_153_600_001, 86_399_999_999_999, 315_576_000_000])
async def test_a_retention_beyond_a_bound_is_refused(gateway: Gateway, upload: str, seconds: int) -> None:
    forged = pb.Job(upload=upload, config=config.JobConfig(retention=Duration(seconds=seconds)))
    assert await reason(gateway.client.jobs.CreateJob(pb.CreateJobRequest(job=forged))) == "INVALID_REQUEST"


@pytest.mark.parametrize("seconds", [3600, 3_153_600_000])
async def test_a_retention_at_a_bound_is_kept(gateway: Gateway, upload: str, seconds: int) -> None:
    job = pb.Job(upload=upload, config=config.JobConfig(retention=Duration(seconds=seconds)))
    made = await gateway.client.jobs.CreateJob(pb.CreateJobRequest(job=job))
    assert made.effective_config.retention.seconds == seconds
    assert (await gateway.client.jobs.CancelJob(pb.CancelJobRequest(name=made.name))).expire_time.seconds > 0

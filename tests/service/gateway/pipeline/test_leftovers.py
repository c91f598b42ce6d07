"""What attempts leave behind: nothing happens to a job after its end, and what a lost decoding wrote goes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from locution_gateway.jobs.models import StageKind, StageLease
from locution_gateway.pipeline.models import LeaseLostError, SectionResult
from locution_gateway.platform.ids import JobId

from tests.service.gateway.pipeline.conftest import Queue, until
from tests.service.gateway.pipeline.test_stages import CRASH, LEASE, claim, decoded
from tests.service.gateway.pipeline.test_worker import recording, world
from tests.support.s3 import S3Server, bucket, s3

__all__ = ["bucket", "s3"]


def folder(lease: StageLease) -> str:
    return f"{lease.tenant_id.hex}/jobs/{lease.job_id.hex}/pcm/{lease.token.hex}/"


async def deletions(queue: Queue) -> list[str]:
    rows = await queue.owner.fetch("SELECT object_key FROM gateway.deletions ORDER BY deletion_id")
    return [row["object_key"] for row in rows]


async def test_nothing_happens_to_a_job_after_it_failed(queue: Queue) -> None:
    job_id = await queue.job()
    await queue.stages.finish_decode(await claim(queue), decoded(1))
    diarizing = await claim(queue, StageKind.DIARIZE)
    await queue.stages.fail(await claim(queue, StageKind.TRANSCRIBE), CRASH, None, 5)
    assert await queue.state(job_id) == "FAILED"
    last = await queue.owner.fetchval("SELECT last_event FROM gateway.jobs")
    with pytest.raises(LeaseLostError):
        await queue.stages.renew(diarizing, LEASE, 100)
    with pytest.raises(LeaseLostError):
        await queue.stages.finish_section(diarizing, SectionResult(b"late", 1.0))
    assert await queue.owner.fetchval("SELECT last_event FROM gateway.jobs") == last


async def test_what_a_failed_decoding_wrote_goes(queue: Queue) -> None:
    await queue.job()
    lease = await claim(queue)
    await queue.stages.fail(lease, CRASH, timedelta(), 5)
    assert await deletions(queue) == [folder(lease)] * 2


async def test_what_a_silent_decoding_wrote_goes(queue: Queue) -> None:
    await queue.job()
    lease = await queue.stages.claim("dies", timedelta(), tuple(StageKind))
    assert lease is not None
    await queue.stages.reap(5, timedelta(), 10)
    assert await deletions(queue) == [folder(lease)] * 2


async def test_a_finished_decoding_stays(queue: Queue) -> None:
    await queue.job()
    await queue.stages.finish_decode(await claim(queue), decoded(1))
    assert await deletions(queue) == []


async def test_a_decoding_whose_lease_was_lost_takes_back_what_it_wrote(
    gateway_database: str, s3: S3Server, bucket: str
) -> None:
    """The job goes while its recording is decoded: the worker itself leaves no object behind."""
    async with world(gateway_database, s3, bucket, lease_seconds=1.0) as here:
        job = await here.submit(recording(600), diarize=False)
        await until(lambda: _decoding(here.owner, job))
        await here.owner.execute("DELETE FROM gateway.jobs WHERE job_id = $1", job)
        await until(lambda: _idle(s3, bucket, job))


async def _decoding(owner: Any, job: JobId) -> bool:
    return bool(await owner.fetchval("SELECT count(*) FROM gateway.stages WHERE job_id = $1 AND state = 'LEASED'", job))


async def _idle(s3: S3Server, bucket: str, job: JobId) -> bool:
    """Tell whether the store holds neither objects nor multipart uploads of the job."""
    keys = [found.object_name or "" for found in s3.client.list_objects(bucket, recursive=True)]
    pending = [found.object_name for found in s3.client._list_multipart_uploads(bucket).uploads]
    return not any(job.hex in str(name) for name in (*keys, *pending))

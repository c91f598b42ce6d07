"""Jobs: created once, frozen, listed, watched, cancelled, retried, changed and deleted."""

from __future__ import annotations

import asyncio
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.field_mask_pb2 import FieldMask
from google.rpc import code_pb2
from google.rpc.error_details_pb2 import ErrorInfo
from locution.v1 import job_service_pb2 as pb
from locution_common.errors import Reason
from locution_gateway.jobs.models import StageKind

from tests.service.gateway.client import reason
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.jobs.conftest import kind

FAILURE_REASON = Path(__file__).resolve().parents[4] / "services/gateway/migrations/20261127000001_failure_reason.sql"


async def test_a_job_can_be_followed_to_its_end(gateway: Gateway, upload: str, worker: HandWorker) -> None:
    job = await gateway.client.job(upload)
    watching = asyncio.create_task(gateway.client.events(job.name))
    await worker.run()
    events = await watching
    states = [event.state_changed.state for event in events if event.HasField("state_changed")]
    assert states == [pb.Job.STATE_QUEUED, pb.Job.STATE_RUNNING, pb.Job.STATE_SUCCEEDED]
    sections = [event.section_finished.section for event in events if event.HasField("section_finished")]
    assert sorted(sections) == [0, 0, 1, 1]
    assert await gateway.client.events(job.name) == events
    assert await gateway.client.events(job.name, events[3].cursor) == events[4:]
    assert await gateway.client.events(job.name, events[-1].cursor) == []

    done = await gateway.client.get_job(job.name)
    assert done.state == pb.Job.STATE_SUCCEEDED
    assert done.transcript == f"{job.name}/transcript"
    assert done.audio_duration.seconds == 20
    assert (done.media.container, done.media.duration.seconds) == ("matroska,webm", 20)
    assert [(track.index, track.title, track.used) for track in done.media.tracks] == [
        (0, "Desktop", False),
        (1, "Microphone", True),
    ]
    assert done.metrics.speaker_count == 1
    assert done.metrics.speech_duration.seconds == 2
    transcribed = next(stage for stage in done.progress.stages if stage.kind == kind("TRANSCRIBE"))
    assert (transcribed.done_duration.seconds, transcribed.total_duration.seconds) == (20, 20)
    assert (transcribed.sections_done, transcribed.sections_total) == (2, 2)


async def test_progress_is_in_seconds_of_audio(gateway: Gateway, upload: str, worker: HandWorker) -> None:
    job = await gateway.client.job(upload)
    before = (await gateway.client.get_job(job.name)).progress
    assert [stage.kind for stage in before.stages] == [kind("DECODE")]
    assert not before.stages[0].HasField("total_duration")
    await worker.decode(sections=4)
    await worker.transcribe()
    running = await gateway.client.get_job(job.name)
    assert running.state == pb.Job.STATE_RUNNING
    transcribe = next(stage for stage in running.progress.stages if stage.kind == kind("TRANSCRIBE"))
    assert (transcribe.done_duration.seconds, transcribe.total_duration.seconds) == (10, 40)


async def test_cursors_of_others_are_refused(gateway: Gateway, upload: str) -> None:
    one, two = await gateway.client.job(upload), await gateway.client.job(upload)
    call = gateway.client.jobs.WatchJob(pb.WatchJobRequest(name=one.name))
    cursor = (await anext(aiter(call))).cursor
    call.cancel()
    for wrong in (cursor, "nonsense", f"{two.name.removeprefix('jobs/').replace('-', '')}.99"):
        assert await reason(gateway.client.events(two.name, wrong)) == "CURSOR_INVALID"
    assert await reason(gateway.client.events("jobs/none")) == "JOB_NOT_FOUND"


async def test_lists_are_paged_filtered_and_ordered(gateway: Gateway, upload: str) -> None:
    names = ["alpha", "beta", "gamma", "delta", "alpine"]
    for place, name in enumerate(names):
        await gateway.client.job(upload, display_name=name, tags=["odd" if place % 2 else "even"])

    async def listed(**fields: Any) -> list[str]:
        found, token = [], ""
        while True:
            request = pb.ListJobsRequest(page_size=2, page_token=token, **fields)
            page = await gateway.client.jobs.ListJobs(request)
            assert len(page.jobs) <= 2
            found += [job.display_name for job in page.jobs]
            token = page.next_page_token
            if not token:
                return found

    assert await listed() == names[::-1]
    assert await listed(order_by="create_time") == names
    assert await listed(order_by="display_name") == sorted(names)
    assert await listed(order_by="end_time desc") == names[::-1]
    assert await listed(filter="tags:odd") == ["delta", "beta"]
    assert await listed(filter='display_name = "al*" AND state = QUEUED') == ["alpine", "alpha"]
    assert await listed(filter='(tags:odd OR tags:even) AND create_time < "2000-01-01T00:00:00Z"') == []
    first = await gateway.client.jobs.ListJobs(pb.ListJobsRequest(page_size=2))
    assert first.total_size == 5
    again = pb.ListJobsRequest(page_token=first.next_page_token, filter="tags:odd")
    assert await reason(gateway.client.jobs.ListJobs(again)) == "PAGE_TOKEN_INVALID"
    for wrong in ('colour = "red"', "state = ASLEEP", "tags = odd", "state", "create_time > noon", "state = QUEUED OR"):
        assert await reason(gateway.client.jobs.ListJobs(pb.ListJobsRequest(filter=wrong))) == "FILTER_INVALID"
    assert await reason(gateway.client.jobs.ListJobs(pb.ListJobsRequest(order_by="colour"))) == "FILTER_INVALID"


async def test_a_queued_job_is_cancelled_at_once(gateway: Gateway, upload: str, worker: HandWorker) -> None:
    job = await gateway.client.job(upload)
    cancelled = await gateway.client.jobs.CancelJob(pb.CancelJobRequest(name=job.name))
    assert cancelled.state == pb.Job.STATE_CANCELLED
    assert await gateway.client.jobs.CancelJob(pb.CancelJobRequest(name=job.name)) == cancelled
    assert await worker.claim() is None
    assert (await gateway.client.events(job.name))[-1].state_changed.state == pb.Job.STATE_CANCELLED


async def test_a_running_job_ends_when_its_worker_hears_of_it(
    gateway: Gateway, upload: str, worker: HandWorker
) -> None:
    job = await gateway.client.job(upload)
    lease = await worker.claim()
    assert lease is not None
    await worker.stages.begin(lease)
    asked = await gateway.client.jobs.CancelJob(pb.CancelJobRequest(name=job.name))
    assert asked.state == pb.Job.STATE_RUNNING
    await worker.stages.cancel(lease)
    assert (await gateway.client.get_job(job.name)).state == pb.Job.STATE_CANCELLED


async def test_a_finished_job_is_not_cancelled_and_not_retried(
    gateway: Gateway, upload: str, worker: HandWorker
) -> None:
    job = await gateway.client.job(upload)
    assert await reason(gateway.client.jobs.RetryJob(pb.RetryJobRequest(name=job.name))) == "JOB_STATE_CONFLICT"
    await worker.run()
    assert await reason(gateway.client.jobs.CancelJob(pb.CancelJobRequest(name=job.name))) == "JOB_STATE_CONFLICT"
    assert await reason(gateway.client.jobs.RetryJob(pb.RetryJobRequest(name=job.name))) == "JOB_STATE_CONFLICT"


@pytest.mark.parametrize("reason", [Reason.INFERENCE_FAILED, Reason.MEDIA_NO_AUDIO, Reason.JOB_EXPIRED])
async def test_a_failed_job_says_why(gateway: Gateway, upload: str, worker: HandWorker, reason: Reason) -> None:
    job = await gateway.client.job(upload)
    await worker.fail(StageKind.DECODE, reason=reason)
    failed = await gateway.client.get_job(job.name)
    assert failed.state == pb.Job.STATE_FAILED
    info = ErrorInfo()
    assert failed.error.details[0].Unpack(info)
    assert (info.reason, info.domain) == (reason, "locution")
    assert code_pb2.Code.Name(failed.error.code) == reason.code
    assert (await gateway.client.events(job.name))[-1].state_changed.error == failed.error


async def test_the_failures_of_an_older_release_lose_their_code(
    gateway: Gateway, upload: str, worker: HandWorker
) -> None:
    job = await gateway.client.job(upload)
    await worker.fail(StageKind.DECODE, reason=Reason.MEDIA_NO_AUDIO)
    up, _, down = FAILURE_REASON.read_text().partition("-- migrate:down")
    kept = (
        "SELECT (SELECT count(*) FROM gateway.jobs WHERE error ->> 'code' = 'ABORTED')"
        " + (SELECT count(*) FROM gateway.job_events WHERE payload #>> '{error,code}' = 'ABORTED')"
    )
    for half, codes in ((down, 2), (up, 0)):
        await gateway.owner.execute(half)
        assert await gateway.owner.fetchval(kept) == codes
        failed = await gateway.client.get_job(job.name)
        assert failed.error.code == code_pb2.INVALID_ARGUMENT
        assert (await gateway.client.events(job.name))[-1].state_changed.error == failed.error


async def test_a_retry_adopts_what_was_finished(gateway: Gateway, upload: str, worker: HandWorker) -> None:
    job = await gateway.client.job(upload, tags=["kept"])
    await worker.decode(sections=2)
    finished = await worker.transcribe()
    await gateway.client.jobs.CancelJob(pb.CancelJobRequest(name=job.name))
    request = pb.RetryJobRequest(name=job.name, request_id="again")
    new = await gateway.client.jobs.RetryJob(request)
    assert (new.retry_of, new.state, list(new.tags)) == (job.name, pb.Job.STATE_QUEUED, ["kept"])
    assert new.effective_config == job.effective_config
    assert [track.codec for track in new.media.tracks] == ["aac", "opus"]
    assert (await gateway.client.jobs.RetryJob(request)).name == new.name
    bodies = await gateway.owner.fetch(
        "SELECT r.body FROM gateway.stages s JOIN gateway.stage_results r USING (stage_id) WHERE s.section = $1",
        finished.section,
    )
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    left = await worker.transcribe()
    assert left.section != finished.section
    await worker.diarize()
    await worker.diarize()
    await worker.diarize()
    await worker.join()
    assert (await gateway.client.get_job(new.name)).state == pb.Job.STATE_SUCCEEDED
    assert (await gateway.client.get_job(job.name)).state == pb.Job.STATE_CANCELLED


async def test_labels_are_changed_under_an_etag(gateway: Gateway, upload: str) -> None:
    job = await gateway.client.job(upload, display_name="old", tags=["a"])

    def update(etag: str, *paths: str, **fields: Any) -> Any:
        request = pb.UpdateJobRequest(
            job=pb.Job(name=job.name, etag=etag, **fields), update_mask=FieldMask(paths=paths)
        )
        return gateway.client.jobs.UpdateJob(request)

    changed = await update(job.etag, "display_name", display_name="new", tags=["ignored"])
    assert (changed.display_name, list(changed.tags)) == ("new", ["a"])
    assert changed.etag != job.etag
    assert await reason(update(job.etag, "tags", tags=["b"])) == "ETAG_MISMATCH"
    cleared = await update("", "tags", "priority", priority=9)
    assert (list(cleared.tags), cleared.priority) == ([], 9)
    assert await gateway.owner.fetchval("SELECT priority FROM gateway.stages") == 9
    assert await reason(update("", "state")) == "UPDATE_MASK_INVALID"
    assert await reason(update("", "display_name", state=pb.Job.STATE_FAILED)) == "INVALID_REQUEST"


async def test_a_deleted_job_is_gone_with_its_objects(gateway: Gateway, upload: str, worker: HandWorker) -> None:
    job = await gateway.client.job(upload)
    lease = await worker.decode()
    pcm = f"{lease.tenant_id.hex}/jobs/{lease.job_id.hex}/pcm/{lease.token.hex}/0.pcm"
    gateway.store.put_object(gateway.bucket, pcm, BytesIO(b"pcm"), 3)
    claimed = await worker.claim()
    assert claimed is not None
    assert (
        await reason(gateway.client.jobs.DeleteJob(pb.DeleteJobRequest(name=job.name, etag='"99"'))) == "ETAG_MISMATCH"
    )
    await gateway.client.jobs.DeleteJob(pb.DeleteJobRequest(name=job.name))
    assert await reason(gateway.client.get_job(job.name)) == "JOB_NOT_FOUND"
    with pytest.raises(Exception, match="lease"):
        await worker.stages.renew(claimed, claimed.until - claimed.until, 1)
    for table in ("stages", "sections", "stage_results", "job_events", "transcripts", "segments"):
        assert await gateway.owner.fetchval(f"SELECT count(*) FROM gateway.{table}") == 0
    await gone(gateway, pcm)


async def gone(gateway: Gateway, key: str) -> None:
    async with asyncio.timeout(30):
        while key in set(gateway.keys()):
            await asyncio.sleep(0.05)


async def test_decoded_audio_stays_while_a_retry_needs_it(gateway: Gateway, upload: str, worker: HandWorker) -> None:
    job = await gateway.client.job(upload)
    lease = await worker.decode()
    await gateway.client.jobs.CancelJob(pb.CancelJobRequest(name=job.name))
    new = await gateway.client.jobs.RetryJob(pb.RetryJobRequest(name=job.name))
    await gateway.client.jobs.DeleteJob(pb.DeleteJobRequest(name=job.name))
    folder = f"{lease.tenant_id.hex}/jobs/{lease.job_id.hex}/pcm/"
    count = "SELECT count(*) FROM gateway.deletions WHERE object_key = $1"
    assert await gateway.owner.fetchval(count, folder) == 0
    await gateway.client.jobs.DeleteJob(pb.DeleteJobRequest(name=new.name))
    assert await gateway.owner.fetchval(count, folder) > 0


async def test_finished_jobs_are_deleted_by_filter(gateway: Gateway, upload: str, worker: HandWorker) -> None:
    for tag in ("old", "old", "new"):
        await gateway.client.job(upload, tags=[tag])
        await worker.run()
    waiting = await gateway.client.job(upload, tags=["old"])

    async def delete(validate_only: bool) -> int:
        request = pb.BatchDeleteJobsRequest(filter="tags:old", validate_only=validate_only)
        return int((await gateway.client.jobs.BatchDeleteJobs(request)).job_count)

    assert await delete(validate_only=True) == 2
    assert await delete(validate_only=False) == 2
    left = await gateway.client.jobs.ListJobs(pb.ListJobsRequest())
    assert {job.name for job in left.jobs} >= {waiting.name}
    assert len(left.jobs) == 2


async def test_estimates_come_from_measured_speed(gateway: Gateway, upload: str, worker: HandWorker) -> None:
    asked = pb.EstimateJobRequest(audio_duration=Duration(seconds=100))
    unknown = await gateway.client.jobs.EstimateJob(asked)
    assert not unknown.HasField("work_duration")
    assert not unknown.HasField("end_time")
    await gateway.client.job(upload)
    await worker.run()
    queued = await gateway.client.job(upload)
    known = await gateway.client.jobs.EstimateJob(asked)
    assert known.queue_position == 1
    assert known.work_duration.ToTimedelta().total_seconds() == pytest.approx(100 * (0.2 + 0.1))
    assert known.HasField("end_time")
    first = await gateway.client.jobs.EstimateJob(pb.EstimateJobRequest(name=queued.name))
    assert first.queue_position == 0

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
from locution.v1 import job_config_pb2 as config
from locution.v1 import job_service_pb2 as pb
from locution.v1 import model_service_pb2 as models
from locution_common.errors import Reason
from locution_gateway.jobs.models import StageKind

from tests.service.gateway.client import reason, refusal
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.hand_worker import HandWorker

FAILURE_REASON = Path(__file__).resolve().parents[4] / "services/gateway/migrations/20261127000001_failure_reason.sql"


@pytest.fixture
async def upload(gateway: Gateway) -> str:
    return (await gateway.client.upload(b"RIFF and so on")).name


def kind(name: str) -> Any:
    return pb.StageKind.Value(f"STAGE_KIND_{name}")


async def test_a_job_is_queued_with_its_configuration_frozen(gateway: Gateway, upload: str) -> None:
    job = await gateway.client.job(upload, display_name="Call 7", tags=["a", "b"], priority=3)
    assert job.state == pb.Job.STATE_QUEUED
    assert (job.display_name, list(job.tags), job.priority, job.upload) == ("Call 7", ["a", "b"], 3, upload)
    frozen = job.effective_config
    assert (frozen.language, frozen.asr_model, frozen.beam_size) == ("auto", "whisper/base", 5)
    assert frozen.diarization.enabled
    assert frozen.diarization.model == "pyannote/one"
    assert [(model.stage, model.model) for model in job.models] == [
        (kind("TRANSCRIBE"), "whisper/base"),
        (kind("DIARIZE"), "pyannote/one"),
    ]
    assert not job.config.HasField("language")
    assert await gateway.client.get_job(job.name) == job


async def test_without_a_diarization_model_the_job_runs_and_says_so(gateway: Gateway, upload: str) -> None:
    del gateway.registry.models["pyannote/one"]
    job = await gateway.client.job(upload)
    assert not job.effective_config.diarization.enabled
    assert [warning.code for warning in job.warnings] == [pb.JobWarning.CODE_DIARIZATION_UNAVAILABLE]
    assert job.warnings[0].reason == "MODEL_NONE_USABLE"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (config.JobConfig(language="xx"), "job.config.language"),
        (config.JobConfig(asr_model="whisper/tiny.en", task=config.TASK_TRANSLATE), "job.config.task"),
        (config.JobConfig(asr_model="whisper/tiny.en", prompt="Names"), "job.config.prompt"),
        (config.JobConfig(decode_mode=config.DECODE_MODE_FAST), "job.config.decode_mode"),
        (
            config.JobConfig(
                channel_mode=config.CHANNEL_MODE_SEPARATE, diarization=config.DiarizationConfig(enabled=True)
            ),
            "job.config.diarization",
        ),
        (
            config.JobConfig(word_times=False, diarization=config.DiarizationConfig(enabled=True)),
            "job.config.word_times",
        ),
        (config.JobConfig(language="en", language_candidates=["de"]), "job.config.language_candidates"),
    ],
)
async def test_an_option_that_the_model_lacks_is_refused_by_name(
    gateway: Gateway, upload: str, wrong: config.JobConfig, field: str
) -> None:
    failure = await refusal(gateway.client.job(upload, config=wrong))
    assert failure.reason == "OPTION_UNSUPPORTED"
    listed = await gateway.client.jobs.ListJobs(pb.ListJobsRequest())
    assert not listed.jobs


async def test_separate_channels_switch_diarization_off(gateway: Gateway, upload: str) -> None:
    job = await gateway.client.job(upload, config=config.JobConfig(channel_mode=config.CHANNEL_MODE_SEPARATE))
    assert not job.effective_config.diarization.enabled
    assert not job.warnings


async def test_models_that_are_not_there_are_refused(gateway: Gateway, upload: str) -> None:
    none = config.JobConfig(asr_model="whisper/none")
    assert await reason(gateway.client.job(upload, config=none)) == "MODEL_NOT_FOUND"
    nobody = config.JobConfig(diarization=config.DiarizationConfig(model="pyannote/none"))
    assert await reason(gateway.client.job(upload, config=nobody)) == "MODEL_NOT_FOUND"
    gateway.registry.models.clear()
    assert await reason(gateway.client.job(upload)) == "MODEL_NONE_USABLE"


async def test_uploads_that_no_job_can_use_are_refused(gateway: Gateway) -> None:
    assert await reason(gateway.client.job("uploads/none")) == "UPLOAD_NOT_FOUND"
    writing = await gateway.client.new_upload()
    assert await reason(gateway.client.job(writing.name)) == "UPLOAD_STATE_CONFLICT"
    assert await reason(gateway.client.job("")) == "INVALID_REQUEST"


async def test_fields_that_are_not_the_clients_are_refused_by_name(gateway: Gateway, upload: str) -> None:
    failure = await refusal(gateway.client.job(upload, state=pb.Job.STATE_SUCCEEDED))
    assert failure.reason == "INVALID_REQUEST"
    assert "state" in failure.message


async def test_one_request_id_makes_one_job(gateway: Gateway, upload: str) -> None:
    made = await asyncio.gather(*(gateway.client.job(upload, request_id="one") for _ in range(8)))
    assert len({job.name for job in made}) == 1
    assert await gateway.owner.fetchval("SELECT count(*) FROM gateway.jobs") == 1
    other = gateway.client.job(upload, request_id="one", display_name="another")
    assert await reason(other) == "REQUEST_ID_REUSED"


async def test_validate_only_creates_nothing(gateway: Gateway, upload: str) -> None:
    job = await gateway.client.job(upload, validate_only=True)
    assert job.effective_config.asr_model == "whisper/base"
    assert await gateway.owner.fetchval("SELECT count(*) FROM gateway.jobs") == 0
    wrong = gateway.client.job(upload, validate_only=True, config=config.JobConfig(language="xx"))
    assert await reason(wrong) == "OPTION_UNSUPPORTED"


async def test_options_are_checked_before_anything_is_uploaded(gateway: Gateway) -> None:
    asked = config.JobConfig(language="en-US", language_candidates=[], beam_size=2)
    job = await gateway.client.job("", validate_only=True, config=asked, tags=["a"])
    assert (job.upload, job.effective_config.language, job.effective_config.beam_size) == ("", "en", 2)
    assert [warning.code for warning in job.warnings] == [pb.JobWarning.CODE_LANGUAGE_REGION_IGNORED]
    wrong = {
        "whisper/base does not know the language klingon": config.JobConfig(language="klingon"),
        "whisper/tiny.en does not translate": config.JobConfig(asr_model="whisper/tiny.en", task=config.TASK_TRANSLATE),
        "no passing qualification": config.JobConfig(asr_model="whisper/tiny.en", decode_mode=config.DECODE_MODE_FAST),
        "candidates are for": config.JobConfig(language="en", language_candidates=["de"]),
    }
    for told, each in wrong.items():
        failure = await refusal(gateway.client.job("", validate_only=True, config=each))
        assert failure.reason == "OPTION_UNSUPPORTED"
        assert told in failure.message
    assert await reason(gateway.client.job("uploads/none", validate_only=True)) == "UPLOAD_NOT_FOUND"
    gone = config.JobConfig(asr_model="whisper/gone")
    assert await reason(gateway.client.job("", validate_only=True, config=gone)) == "MODEL_NOT_FOUND"


async def test_the_frozen_language_is_the_models_own_and_retries_keep_it(gateway: Gateway, upload: str) -> None:
    job = await gateway.client.job(upload, config=config.JobConfig(language="DEU"))
    assert (job.config.language, job.effective_config.language) == ("DEU", "de")
    assert (await gateway.client.get_job(job.name)).effective_config.language == "de"
    failure = await refusal(gateway.client.job(upload, config=config.JobConfig(language="German")))
    assert failure.message == "whisper/base does not know the language German. It knows de, en, fr"
    for text in ("", "x" * 36, "de\x00", "d\u00e9", "1"):
        assert await reason(gateway.client.job(upload, config=config.JobConfig(language=text))) == "INVALID_REQUEST"


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
    async with asyncio.timeout(10):
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


async def test_models_are_the_registrys(gateway: Gateway) -> None:
    gateway.registry.models["whisper/base"].qualification.destroyed_recording_count = 2
    listed = await gateway.client.models.ListModels(models.ListModelsRequest(kind=models.MODEL_KIND_ASR))
    assert listed.models[0].qualification.destroyed_recording_count == 2
    assert [model.name for model in listed.models] == ["models/whisper/base", "models/whisper/tiny.en"]
    new = await gateway.client.models.RegisterModel(models.RegisterModelRequest(name="models/whisper/new"))
    assert new.name == "models/whisper/new"
    assert gateway.registry.registered[0].actor.endswith("/bootstrap")
    call = gateway.client.models.RegisterModel(models.RegisterModelRequest(name="models/whisper/new"))
    assert await reason(call) == "MODEL_ALREADY_REGISTERED"
    missing = gateway.client.models.GetModel(models.GetModelRequest(name="models/whisper/none"))
    assert await reason(missing) == "MODEL_NOT_FOUND"

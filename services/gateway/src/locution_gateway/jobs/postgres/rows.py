"""Read rows of `gateway.jobs` as jobs, with the progress of their stages, in one query; and jsonb columns."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, Final

from locution_common.errors import Reason, Refused
from locution_speech.asr import Task
from locution_speech.clock import SAMPLE_RATE
from pydantic import TypeAdapter

from locution_gateway.jobs.config import JobConfig, JobRequestConfig
from locution_gateway.jobs.models import Failure, Job, JobState, JobWarning, StageKind, StageProgress
from locution_gateway.media.models import ChannelMode, Media
from locution_gateway.models.models import ModelChoice
from locution_gateway.platform.codec import Codec
from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.principal import TenantId

REQUEST: Final = Codec(TypeAdapter(JobRequestConfig))
CONFIG: Final = Codec(TypeAdapter(JobConfig))
WARNINGS: Final = Codec(TypeAdapter(tuple[JobWarning, ...]))
FAILURE: Final = Codec(TypeAdapter(Failure))
MEDIA: Final = Codec(TypeAdapter(Media))
FIGURES: Final = Codec(TypeAdapter(dict[str, float]))

# The columns of every statement that returns jobs: the row, its stages summed by kind, and the speed of its models.
SELECT: Final = """
SELECT j.job_id, j.tenant_id, j.created_by, j.display_name, j.state, j.upload_id, j.requested_config,
    j.effective_config, j.tags, j.priority, j.cancel_requested, j.retry_of, j.audio_samples, j.channels, j.pcm_key,
    j.media, j.warnings, j.error, j.metrics, j.trace_context, j.create_time, j.start_time, j.end_time, j.expire_time,
    j.version,
    (SELECT jsonb_agg(to_jsonb(k)) FROM (
        SELECT s.kind, count(*) AS sections, count(*) FILTER (WHERE s.state = 'DONE') AS sections_done,
            sum(s.audio_samples) AS samples,
            sum(CASE s.state WHEN 'DONE' THEN s.audio_samples ELSE s.done_samples END) AS samples_done,
            max(s.attempts) AS attempts, sum(s.work_seconds) AS work_seconds
        FROM gateway.stages s WHERE s.job_id = j.job_id GROUP BY s.kind) k) AS stages,
    (SELECT jsonb_object_agg(v.kind, v.seconds_per_audio_second) FROM gateway.speeds v
     WHERE (v.kind = 'TRANSCRIBE' AND v.model = j.effective_config #>> '{asr_model,path}')
        OR (v.kind = 'DIARIZE' AND v.model = j.effective_config #>> '{diarization,model,path}')) AS speeds
FROM gateway.jobs j
"""

UNREADABLE: Final = {
    "requested_config": {},
    "effective_config": CONFIG.dump(
        JobConfig("", Task.TRANSCRIBE, ModelChoice("", ""), 0, False, 0.0, channel_mode=ChannelMode.MIX)
    ),
    "media": None,
    "warnings": [],
    "metrics": {},
    "stages": None,
    "speeds": None,
    "error": FAILURE.dump(Failure(Reason.ROW_UNREADABLE, Reason.ROW_UNREADABLE.message)),
}
"""What is shown in place of contents that cannot be read."""

_log = logging.getLogger(__name__)

_ORDER: Final = {kind.value: position for position, kind in enumerate(StageKind)}


class UnreadableJobError(Refused):
    """The contents of a job's row cannot be read: ROW_UNREADABLE."""


def shown_job(row: Mapping[str, Any]) -> Job:
    """Return the job of a row for clients: an unreadable one with its name, state and times, and ROW_UNREADABLE."""
    try:
        return job_from_row(row)
    except UnreadableJobError:
        return _job({**row, **UNREADABLE})


def job_from_row(row: Mapping[str, Any]) -> Job:
    """Return the job of a row of SELECT. Raises UnreadableJobError."""
    try:
        return _job(row)
    except Exception as error:
        _log.exception("a stored job is unreadable", extra={"job_id": str(row["job_id"])})
        raise UnreadableJobError(Reason.ROW_UNREADABLE) from error


def _job(row: Mapping[str, Any]) -> Job:
    state = JobState(row["state"])
    progress = tuple(_progress(row["stages"] or (), row["audio_samples"]))
    return Job(
        job_id=JobId(row["job_id"]),
        tenant_id=TenantId(row["tenant_id"]),
        created_by=row["created_by"],
        display_name=row["display_name"],
        state=state,
        upload_id=UploadId(row["upload_id"]),
        requested=REQUEST.load(row["requested_config"]),
        config=CONFIG.load(row["effective_config"]),
        tags=tuple(row["tags"]),
        priority=row["priority"],
        cancel_requested=row["cancel_requested"],
        retry_of=None if row["retry_of"] is None else JobId(row["retry_of"]),
        audio_samples=row["audio_samples"],
        channels=row["channels"],
        pcm_key=row["pcm_key"],
        media=None if row["media"] is None else MEDIA.load(row["media"]),
        warnings=WARNINGS.load(row["warnings"]),
        error=None if row["error"] is None else FAILURE.load(row["error"]),
        metrics=FIGURES.load(row["metrics"]),
        trace_context=row["trace_context"],
        create_time=row["create_time"],
        start_time=row["start_time"],
        end_time=row["end_time"],
        expire_time=row["expire_time"],
        version=row["version"],
        progress=progress,
        eta=None if state.terminal else time_left(progress, row["speeds"] or {}),
    )


def model_of(job: Job, kind: StageKind) -> str | None:
    """Return the model of a kind of stage, "<set>/<model>"; None for kinds without one."""
    match kind:
        case StageKind.TRANSCRIBE:
            return job.config.asr_model.path
        case StageKind.DIARIZE:
            return None if job.config.diarization is None else job.config.diarization.model.path
        case _:
            return None


def time_left(progress: Iterable[StageProgress], speeds: Mapping[str, float]) -> timedelta | None:
    """Return the remaining work by the measured speeds; None if a speed is unknown or nothing was decoded.

    Transcription and diarization run in parallel, so the longer one counts.
    """
    engines = [stage for stage in progress if stage.kind in (StageKind.TRANSCRIBE, StageKind.DIARIZE)]
    if not engines or any(stage.kind.value not in speeds for stage in engines):
        return None
    return max(timedelta(seconds=_left(stage) * speeds[stage.kind.value]) for stage in engines)


def _left(stage: StageProgress) -> float:
    return max((stage.total_samples or 0) - stage.done_samples, 0) / SAMPLE_RATE


def _progress(stages: Iterable[Mapping[str, Any]], audio_samples: int | None) -> Iterable[StageProgress]:
    for stage in sorted(stages, key=lambda stage: _ORDER[stage["kind"]]):
        yield _stage(stage, audio_samples)


def _stage(stage: Mapping[str, Any], audio_samples: int | None) -> StageProgress:
    kind = StageKind(stage["kind"])
    whole = kind not in (StageKind.TRANSCRIBE, StageKind.DIARIZE)  # works on the recording, not on a section
    finished = stage["sections"] == stage["sections_done"]
    total = audio_samples if whole else int(stage["samples"])
    known = kind is not StageKind.DECODE or audio_samples is not None
    return StageProgress(
        kind=kind,
        done_samples=(total or 0) if whole and finished else int(stage["samples_done"]),
        total_samples=total,
        sections_done=stage["sections_done"],
        sections_total=stage["sections"] if known else None,
        attempts=stage["attempts"],
        work_seconds=stage["work_seconds"],
    )

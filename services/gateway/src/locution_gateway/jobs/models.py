"""Jobs, their stages and their events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from locution_common.errors import Reason

from locution_gateway.jobs.config import JobConfig, JobRequestConfig
from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.principal import TenantId

StageId = NewType("StageId", UUID)
LeaseToken = NewType("LeaseToken", UUID)


class JobState(StrEnum):
    """Where a job stands."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def terminal(self) -> bool:
        """Tell whether the state never changes again."""
        return self not in (JobState.QUEUED, JobState.RUNNING)


class StageKind(StrEnum):
    """A kind of step in a job."""

    DECODE = "DECODE"
    TRANSCRIBE = "TRANSCRIBE"
    DIARIZE = "DIARIZE"
    CLUSTER = "CLUSTER"
    JOIN = "JOIN"


class StageState(StrEnum):
    """Where a stage stands."""

    READY = "READY"
    LEASED = "LEASED"
    DONE = "DONE"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"


class WarningCode(StrEnum):
    """What a SUCCEEDED job lacks or did otherwise than asked."""

    MEDIA_TRUNCATED = "MEDIA_TRUNCATED"
    SECTION_FAILED = "SECTION_FAILED"
    DIARIZATION_UNAVAILABLE = "DIARIZATION_UNAVAILABLE"
    MODEL_FALLBACK = "MODEL_FALLBACK"
    MEDIA_DAMAGED = "MEDIA_DAMAGED"


@dataclass(frozen=True, slots=True)
class JobWarning:
    """One warning of a job, and the reason for it where there is one."""

    code: WarningCode
    message: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job or stage failed, and a sentence."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class StageProgress:
    """How far one kind of stage is, in samples at 16 kHz summed over its sections and channels."""

    kind: StageKind
    done_samples: int
    total_samples: int | None
    sections_done: int
    sections_total: int | None
    attempts: int
    work_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """One recording's way to its transcript."""

    job_id: JobId
    tenant_id: TenantId
    created_by: str
    display_name: str
    state: JobState
    upload_id: UploadId
    requested: JobRequestConfig
    config: JobConfig
    tags: tuple[str, ...]
    priority: int
    cancel_requested: bool
    retry_of: JobId | None
    audio_samples: int | None
    channels: int | None
    pcm_key: str | None
    warnings: tuple[JobWarning, ...]
    error: Failure | None
    metrics: dict[str, float]
    trace_context: str
    create_time: datetime
    start_time: datetime | None
    end_time: datetime | None
    expire_time: datetime | None
    version: int
    progress: tuple[StageProgress, ...] = ()
    eta: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the recording between two pauses, [start, end) in samples at 16 kHz."""

    index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StageLease:
    """A stage held by this worker until `until` unless renewed; every write names id and token."""

    stage_id: StageId
    job_id: JobId
    tenant_id: TenantId
    kind: StageKind
    section: int
    channel: int
    attempts: int
    token: LeaseToken
    until: datetime


class EventKind(StrEnum):
    """What happened to a job."""

    STATE_CHANGED = "STATE_CHANGED"
    STAGE_PROGRESS = "STAGE_PROGRESS"
    SECTION_FINISHED = "SECTION_FINISHED"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One thing that happened to a job; `event_id` rises by one from 1."""

    event_id: int
    event_time: datetime
    kind: EventKind
    payload: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to be created.

    `paid_samples` were charged before, from the recording's start; None for a job that nobody has paid for.
    """

    job_id: JobId
    display_name: str
    upload_id: UploadId
    requested: JobRequestConfig
    config: JobConfig
    tags: tuple[str, ...]
    priority: int
    warnings: tuple[JobWarning, ...]
    trace_context: str
    paid_samples: int | None = None


@dataclass(frozen=True, slots=True)
class JobChange:
    """What UpdateJob sets; None keeps the field."""

    display_name: str | None = None
    tags: tuple[str, ...] | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """The work ahead of a job: jobs, and their unfinished audio in samples."""

    jobs: int
    samples: int

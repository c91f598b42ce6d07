"""Jobs, their stages and their events."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from locution_common.errors import Reason

from locution_gateway.jobs.config import JobConfig, JobRequestConfig
from locution_gateway.media.models import Media
from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.principal import TenantId

StageId = NewType("StageId", UUID)
LeaseToken = NewType("LeaseToken", UUID)


class JobState(StrEnum):
    """The state of a job."""

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
    """A kind of stage of a job."""

    DECODE = "DECODE"
    TRANSCRIBE = "TRANSCRIBE"
    DIARIZE = "DIARIZE"
    CLUSTER = "CLUSTER"
    JOIN = "JOIN"


class StageState(StrEnum):
    """The state of a stage."""

    READY = "READY"
    LEASED = "LEASED"
    DONE = "DONE"
    DEAD = "DEAD"
    CANCELLED = "CANCELLED"


class WarningCode(StrEnum):
    """Something that a SUCCEEDED job lacks or did differently."""

    MEDIA_TRUNCATED = "MEDIA_TRUNCATED"
    SECTION_FAILED = "SECTION_FAILED"
    DIARIZATION_UNAVAILABLE = "DIARIZATION_UNAVAILABLE"
    MODEL_FALLBACK = "MODEL_FALLBACK"
    MEDIA_DAMAGED = "MEDIA_DAMAGED"
    CHANNELS_CANCEL = "CHANNELS_CANCEL"
    TRACK_LEFT_OUT = "TRACK_LEFT_OUT"
    LANGUAGE_REGION_IGNORED = "LANGUAGE_REGION_IGNORED"
    SPEECH_WITHOUT_TEXT = "SPEECH_WITHOUT_TEXT"
    LANGUAGE_UNCERTAIN = "LANGUAGE_UNCERTAIN"


@dataclass(frozen=True, slots=True)
class JobWarning:
    """A warning of a job, with its reason if there is one."""

    code: WarningCode
    message: str
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a job or stage failed: a reason and a sentence."""

    reason: Reason
    message: str


@dataclass(frozen=True, slots=True)
class StageProgress:
    """Progress of one kind of stage, in samples at 16 kHz summed over its sections and channels."""

    kind: StageKind
    done_samples: int
    total_samples: int | None
    sections_done: int
    sections_total: int | None
    attempts: int
    work_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Job:
    """One transcription of one recording. `upload_id` is None in the answer to a check of options alone."""

    job_id: JobId
    tenant_id: TenantId
    created_by: str
    display_name: str
    state: JobState
    upload_id: UploadId | None
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
    media: Media | None = None
    progress: tuple[StageProgress, ...] = ()
    eta: timedelta | None = None

    @property
    def unreadable(self) -> bool:
        """Tell whether the contents of its row could not be read; its configuration is a placeholder then."""
        return self.error is not None and self.error.reason is Reason.ROW_UNREADABLE


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of the recording between two pauses, [start, end) in samples at 16 kHz."""

    index: int
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class StageLease:
    """A stage leased to this worker until `until` unless renewed; every write names id and token."""

    stage_id: StageId
    job_id: JobId
    tenant_id: TenantId
    kind: StageKind
    section: int
    channel: int
    attempts: int
    token: LeaseToken
    until: datetime
    share: int = 1


class EventKind(StrEnum):
    """The kind of a job's event."""

    STATE_CHANGED = "STATE_CHANGED"
    STAGE_PROGRESS = "STAGE_PROGRESS"
    SECTION_FINISHED = "SECTION_FINISHED"
    WARNING = "WARNING"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One event of a job; `event_id` increases by one from 1."""

    event_id: int
    event_time: datetime
    kind: EventKind
    payload: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job to create. `paid_samples` are already charged, from the recording's start; None for an uncharged job."""

    job_id: JobId
    display_name: str
    upload_id: UploadId | None
    requested: JobRequestConfig
    config: JobConfig
    tags: tuple[str, ...]
    priority: int
    warnings: tuple[JobWarning, ...]
    trace_context: str
    paid_samples: int | None = None


@dataclass(frozen=True, slots=True)
class JobChange:
    """Changes of UpdateJob; None keeps a field."""

    display_name: str | None = None
    tags: tuple[str, ...] | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """The work ahead of a job: jobs, and their unfinished audio in samples."""

    jobs: int
    samples: int

"""What the api needs of the world."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from locution_gateway.jobs.config import DiarizationRequest, JobConfig, JobDefaults, JobRequestConfig, StoredDefaults
from locution_gateway.jobs.models import Job, JobEvent, JobState, JobWarning
from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.listing import Filter, Page, PageQuery
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.requests import RequestKey


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
    """What UpdateJob sets; None leaves a field as it is."""

    display_name: str | None = None
    tags: tuple[str, ...] | None = None
    priority: int | None = None


@dataclass(frozen=True, slots=True)
class Backlog:
    """What goes before a job: jobs, and their audio that is not done, in samples."""

    jobs: int
    samples: int


class JobStore(Protocol):
    """Jobs of a tenant. Absent and foreign raise JOB_NOT_FOUND alike."""

    async def create(self, principal: Principal, job: NewJob, request: RequestKey | None) -> Job:
        """Create it, its first stage and its first event, once for a request.

        Refused with UPLOAD_NOT_FOUND, UPLOAD_STATE_CONFLICT, REQUEST_ID_REUSED.
        """

    async def repeated(self, principal: Principal, request: RequestKey) -> JobId | None:
        """Return the job that the same request made. Refused with REQUEST_ID_REUSED."""

    async def check_upload(self, principal: Principal, upload_id: UploadId) -> None:
        """Refuse with UPLOAD_NOT_FOUND or UPLOAD_STATE_CONFLICT unless a job may use the upload."""

    async def get(self, principal: Principal, job_id: JobId) -> Job:
        """Read one with its progress."""

    async def list(self, principal: Principal, query: PageQuery) -> Page[Job]:
        """Read a page."""

    async def count(self, principal: Principal, wanted: Filter, limit: int | None) -> int:
        """Count those that a filter names, up to `limit`."""

    async def cancel(self, principal: Principal, job_id: JobId) -> Job:
        """Ask for its end. Refused with JOB_STATE_CONFLICT when it SUCCEEDED or FAILED."""

    async def retry(
        self, principal: Principal, old: JobId, new: JobId, trace_context: str, request: RequestKey | None
    ) -> Job:
        """Make a new job that adopts what an old one finished. Refused with JOB_STATE_CONFLICT, REQUEST_ID_REUSED."""

    async def update(self, principal: Principal, job_id: JobId, version: int | None, change: JobChange) -> Job:
        """Change it. Refused with ETAG_MISMATCH."""

    async def delete(self, principal: Principal, job_id: JobId, version: int | None) -> None:
        """Delete it with all that it made. Refused with ETAG_MISMATCH."""

    async def delete_finished(self, principal: Principal, wanted: Filter, limit: int) -> int:
        """Delete up to `limit` finished jobs that a filter names and return how many."""

    async def expire(self, principal: Principal, job_id: JobId) -> None:
        """Delete it if its retention is over."""

    async def backlog(self, principal: Principal, before: Job | None) -> Backlog:
        """Measure the tenant's work that goes before a job, or before a new one."""

    async def speeds(self, config: JobConfig) -> dict[str, float]:
        """Return the measured seconds of work for a second of audio by kind of stage."""


class EventStore(Protocol):
    """Events of a tenant's jobs."""

    async def head(self, principal: Principal, job_id: JobId) -> tuple[JobState, int]:
        """Return the job's state and the id of its last event. Refused with JOB_NOT_FOUND."""

    async def read(self, principal: Principal, job_id: JobId, after: int, limit: int) -> Sequence[JobEvent]:
        """Return up to `limit` events behind `after`, in order."""


class Wakeups(Protocol):
    """Hints that something happened; polling stays the truth."""

    def on_job(self, job_id: JobId, wake: Callable[[], None]) -> AbstractContextManager[None]:
        """Call `wake` on every hint about a job while inside."""


class DefaultsStore(Protocol):
    """What jobs do where they say nothing: of a tenant (subject "") and of its principals."""

    async def get(self, principal: Principal, subject: str) -> StoredDefaults:
        """Read one's defaults."""

    async def update(
        self, principal: Principal, subject: str, version: int | None, defaults: JobDefaults
    ) -> StoredDefaults:
        """Replace one's defaults. Refused with ETAG_MISMATCH."""


class VoiceChooser(Protocol):
    """Knows which voices a new job looks for."""

    async def run(self, principal: Principal, wish: DiarizationRequest, config: JobConfig) -> JobConfig:
        """Return the configuration with its voices. Refused with VOICE_NOT_FOUND or OPTION_UNSUPPORTED."""

"""What the api needs of the world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from locution_common.errors import Reason
from locution_speech.transcript import Segment

from locution_gateway.domain.config import JobConfig, JobRequestConfig
from locution_gateway.domain.identity import Principal, TenantId
from locution_gateway.domain.jobs import Job, JobEvent, JobId, JobState, JobWarning, UploadId
from locution_gateway.domain.listing import Filter, Page, PageQuery
from locution_gateway.domain.models import ModelKind, ResolvedModel
from locution_gateway.domain.requests import RequestKey
from locution_gateway.domain.transcripts import SectionTranscript, TranscriptSummary
from locution_gateway.domain.uploads import Upload, UploadPart, Written


@dataclass(frozen=True, slots=True)
class NewUpload:
    """An upload to be created. `open_limit` is how many its tenant may have open, `idle` how long it may rest."""

    upload_id: UploadId
    display_name: str
    media_type: str
    stated_size: int | None
    stated_sha256: str | None
    object_key: str
    idle: timedelta
    open_limit: int


@dataclass(frozen=True, slots=True)
class Seal:
    """What ends the writing: the last bytes, where they were not kept before, and what the client states."""

    sha256: str | None = None
    parts: tuple[UploadPart, ...] = ()
    tail: Tail | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """Bytes behind the last part, kept as an object of their own."""

    key: str
    size: int


class UploadStore(Protocol):
    """Uploads of a tenant. Absent and foreign raise UPLOAD_NOT_FOUND alike.

    A stream's writes name its token and change nothing once another stream took over: UPLOAD_WRITER_REPLACED.
    """

    async def create(self, principal: Principal, upload: NewUpload, request: RequestKey | None) -> Upload:
        """Create it once for a request. Refused with QUOTA_EXCEEDED, REQUEST_ID_REUSED."""

    async def get(self, principal: Principal, upload_id: UploadId) -> Upload:
        """Read one."""

    async def list(self, principal: Principal, query: PageQuery) -> Page[Upload]:
        """Read a page."""

    async def begin_stream(self, principal: Principal, upload_id: UploadId, offset: int, token: UUID) -> Written:
        """Make the stream of `token` the one that writes.

        Refused with UPLOAD_STATE_CONFLICT, UPLOAD_OFFSET_MISMATCH.
        """

    async def begin_multipart(
        self, principal: Principal, upload_id: UploadId, token: UUID | None, multipart_id: str
    ) -> str:
        """Keep the id of a multipart upload unless there is one, and return the one that counts.

        Without a token the upload is one of presigned parts from now on.
        """

    async def next_part(self, principal: Principal, upload_id: UploadId, token: UUID, size: int) -> int:
        """Take a part number that no other stream will use, for so many bytes. Refused with QUOTA_EXCEEDED."""

    async def commit_part(
        self, principal: Principal, upload_id: UploadId, token: UUID, part: UploadPart, idle: timedelta
    ) -> int:
        """Count a part that the object store holds, the tail included in it; return the bytes committed.

        Refused with QUOTA_EXCEEDED: an upload of unstated size is counted as it grows.
        """

    async def commit_tail(
        self, principal: Principal, upload_id: UploadId, token: UUID, tail: Tail, idle: timedelta
    ) -> int:
        """Count a tail that the object store holds in place of the one before; return the bytes committed.

        Refused with QUOTA_EXCEEDED, as commit_part does.
        """

    async def seal(self, principal: Principal, upload_id: UploadId, token: UUID | None, seal: Seal) -> Upload:
        """End the writing: VERIFYING. One that is sealed already is returned as it is.

        Refused with UPLOAD_STATE_CONFLICT, UPLOAD_SIZE_MISMATCH, UPLOAD_DIGEST_MISMATCH, QUOTA_EXCEEDED.
        """

    async def delete(self, principal: Principal, upload_id: UploadId, version: int | None) -> None:
        """Delete it with its bytes. Refused with UPLOAD_STATE_CONFLICT, ETAG_MISMATCH."""

    async def claim_verification(
        self, principal: Principal, upload_id: UploadId, token: UUID, lease: timedelta
    ) -> Written | None:
        """Take the verification; None when somebody else holds it or there is nothing to verify."""

    async def renew_verification(
        self, principal: Principal, upload_id: UploadId, token: UUID, lease: timedelta
    ) -> bool:
        """Hold the verification for longer, or let it go with a lease of zero; False when it was lost."""

    async def mark_ready(
        self, principal: Principal, upload_id: UploadId, token: UUID, stored: StoredObject, retention: timedelta
    ) -> None:
        """Make it READY, its bytes stored once for the tenant, and let its jobs begin, unless the lease was lost."""

    async def mark_failed(
        self, principal: Principal, upload_id: UploadId, token: UUID, fault: UploadFault, retention: timedelta
    ) -> None:
        """Make it FAILED, drop its bytes, and fail its jobs; nothing when the lease was lost."""

    async def expire(self, principal: Principal, upload_id: UploadId, retention: timedelta) -> None:
        """Make an idle upload EXPIRED, or delete one whose retention is over."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """Bytes that were read back."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class UploadFault:
    """Why an upload was refused, and a sentence."""

    reason: Reason
    message: str


class ObjectBytes(Protocol):
    """Bytes in the object store. Absent keys raise ObjectNotFound, an unreachable store DependencyUnavailable."""

    async def put(self, key: str, data: bytes | bytearray) -> None:
        """Store an object; durable when it returns."""

    async def get(self, key: str) -> bytes:
        """Return a small object."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Give an object in pieces, memory flat in its size."""

    async def delete(self, key: str, kept: Collection[str] = ()) -> None:
        """Delete an object, or all below a prefix that ends in "/" but for the keys in `kept`."""

    async def keep_only(self, prefix: str, key: str) -> None:
        """Delete what lies below a prefix but for one key."""

    async def create_multipart(self, key: str) -> str:
        """Begin a multipart upload and return its id."""

    async def put_part(self, key: str, multipart_id: str, number: int, data: bytes | bytearray) -> UploadPart:
        """Store one part; durable when it returns."""

    async def list_parts(self, key: str, multipart_id: str) -> Sequence[UploadPart]:
        """Return the parts that the store holds, by number."""

    async def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[UploadPart]) -> None:
        """Join parts into the object; repeatable. Refused with UPLOAD_PART_INVALID when the store refuses them."""

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Drop a multipart upload with its parts; an unknown one is no error."""

    async def part_url(self, key: str, multipart_id: str, number: int, ttl: timedelta) -> str:
        """Return a URL that takes one PUT of a part."""

    async def old_multiparts(self, before: datetime) -> Sequence[tuple[str, str]]:
        """Return key and id of uploads' multiparts begun before a time and not ended."""


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


@dataclass(frozen=True, slots=True)
class FinishedSection:
    """A section whose transcript is kept: its start in samples, and its channel, None when channels were mixed."""

    section: int
    channel: int | None
    start: int
    transcript: SectionTranscript


class TranscriptStore(Protocol):
    """Transcripts of a tenant's jobs. Absent and foreign jobs raise JOB_NOT_FOUND alike."""

    async def summary(self, principal: Principal, job_id: JobId) -> tuple[Job, TranscriptSummary | None]:
        """Return the job and its transcript's summary, None while there is none."""

    async def size(self, principal: Principal, job_id: JobId) -> int:
        """Return about how many bytes its segments take."""

    async def segments(self, principal: Principal, job_id: JobId, start: int, limit: int) -> Sequence[Segment]:
        """Return up to `limit` segments from a position on."""

    async def sections(self, principal: Principal, job_id: JobId, start: int, limit: int) -> Sequence[FinishedSection]:
        """Return finished sections of a job from a section on, all channels of at most `limit` sections."""


class ModelResolver(Protocol):
    """Knows which weight a job is to use."""

    async def resolve(self, kind: ModelKind, choice: str | None) -> ResolvedModel:
        """Choose a weight.

        Refused with MODEL_NOT_FOUND, MODEL_NOT_USABLE, MODEL_NONE_USABLE, DependencyUnavailable.
        """


@dataclass(frozen=True, slots=True)
class Deletion:
    """Something to remove from the object store; `multipart_id` names a multipart upload to abort."""

    deletion_id: int
    key: str
    multipart_id: str | None


class Upkeep(Protocol):
    """Finds what is due, of all tenants. Several processes may look at once."""

    async def expired_uploads(self, limit: int) -> Sequence[tuple[TenantId, UploadId]]:
        """Return uploads whose time is over."""

    async def unverified_uploads(self, limit: int) -> Sequence[tuple[TenantId, UploadId]]:
        """Return sealed uploads that nobody verifies."""

    async def expired_jobs(self, limit: int) -> Sequence[tuple[TenantId, JobId]]:
        """Return jobs whose retention is over."""

    async def claim_deletions(self, limit: int, pause: timedelta) -> Sequence[Deletion]:
        """Take deletions that are due; one that is not finished comes again after `pause`."""

    async def finish_deletions(self, ids: Sequence[int]) -> None:
        """Forget deletions that were done."""

    async def kept_objects(self, folder: str) -> Sequence[str]:
        """Return the keys below a folder that objects have."""

    async def forget_requests(self, age: timedelta, limit: int) -> None:
        """Forget request ids that are older."""

    async def abandoned_multiparts(self, ids: Sequence[str]) -> Sequence[str]:
        """Return those multipart uploads that belong to no open upload."""

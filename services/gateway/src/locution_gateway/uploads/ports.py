"""What the api needs of the world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from locution_common.errors import Reason
from locution_common.postgres import Connection

from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.requests import RequestKey
from locution_gateway.uploads.models import Upload, UploadPart, Written


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


class UploadJobs(Protocol):
    """The jobs of an upload. Every method runs in the transaction that changes the upload."""

    async def waiting(self, connection: Connection, principal: Principal, upload_id: UploadId) -> bool:
        """Tell whether a job still has to decode the upload."""

    async def release(self, connection: Connection, principal: Principal, upload_id: UploadId, object_id: UUID) -> None:
        """Let the jobs that waited for the upload begin with its object."""

    async def fail(
        self, connection: Connection, principal: Principal, upload_id: UploadId, reason: str, message: str
    ) -> None:
        """End the jobs that waited for the upload, for the reason that it was refused for."""

"""Recordings as their owners sent them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import TenantId


class UploadState(StrEnum):
    """The state of an upload."""

    WRITING = "WRITING"
    VERIFYING = "VERIFYING"
    READY = "READY"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class WriteMode(StrEnum):
    """How its bytes arrive: by WriteUpload, or as parts to presigned URLs."""

    STREAM = "STREAM"
    PARTS = "PARTS"


class PartsRefused(Refused):
    """The store does not hold the parts of an upload, or does not join them."""


def too_large(limit: int) -> Refused:
    """Refuse more bytes than an upload may have."""
    return Refused(Reason.UPLOAD_TOO_LARGE, f"an upload may have at most {limit} bytes")


@dataclass(frozen=True, slots=True)
class Upload:
    """A recording: the client's statements, and what is durable."""

    upload_id: UploadId
    tenant_id: TenantId
    created_by: str
    display_name: str
    media_type: str
    state: UploadState
    stated_size: int | None
    stated_sha256: str | None
    committed_bytes: int
    write_mode: WriteMode | None
    object_key: str
    multipart_id: str | None
    object_id: UUID | None
    # Properties of the stored object once READY.
    size_bytes: int | None
    sha256: str | None
    error_reason: Reason | None
    create_time: datetime
    update_time: datetime
    expire_time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class UploadPart:
    """A durable part: number from 1, size in bytes, the store's ETag."""

    number: int
    size: int
    etag: str


@dataclass(frozen=True, slots=True)
class Written:
    """An upload with its durable state: its parts in order, and the tail after them (key and bytes)."""

    upload: Upload
    parts: tuple[UploadPart, ...] = ()
    tail_key: str | None = None
    tail_bytes: int = 0


@dataclass(frozen=True, slots=True)
class NewUpload:
    """An upload to create. `open_limit` is the tenant's limit of open uploads, `idle` how long it may stay idle."""

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
    """The completion of an upload: the last bytes that are not yet stored, and the client's statements."""

    sha256: str | None = None
    parts: tuple[UploadPart, ...] = ()
    tail: Tail | None = None


@dataclass(frozen=True, slots=True)
class Tail:
    """Bytes after the last part, stored as a separate object."""

    key: str
    size: int


@dataclass(frozen=True, slots=True)
class StoredObject:
    """The result of reading the bytes back."""

    key: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class UploadFault:
    """Why an upload was refused: a reason and a sentence."""

    reason: Reason
    message: str

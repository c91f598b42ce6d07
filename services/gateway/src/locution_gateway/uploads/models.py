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
    """Where an upload stands."""

    WRITING = "WRITING"
    VERIFYING = "VERIFYING"
    READY = "READY"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class WriteMode(StrEnum):
    """How its bytes come: over WriteUpload, or as parts to presigned URLs."""

    STREAM = "STREAM"
    PARTS = "PARTS"


class PartsRefused(Refused):
    """The store does not hold the parts of an upload, or does not join them."""


def too_large(limit: int) -> Refused:
    """Refuse more bytes than an upload may have."""
    return Refused(Reason.UPLOAD_TOO_LARGE, f"an upload may have at most {limit} bytes")


@dataclass(frozen=True, slots=True)
class Upload:
    """A recording: what the client stated, and what is durable."""

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
    # Of the stored object once READY.
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
    """An upload with what is durable of it: its parts in order, and the tail behind them (key and bytes)."""

    upload: Upload
    parts: tuple[UploadPart, ...] = ()
    tail_key: str | None = None
    tail_bytes: int = 0


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

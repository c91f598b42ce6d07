"""The ports of the api."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from locution_common.postgres import Connection

from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import Principal
from locution_gateway.uploads.models import UploadPart


class ObjectBytes(Protocol):
    """Bytes in the object store. Absent keys raise ObjectNotFound, an unreachable store DependencyUnavailable."""

    async def put(self, key: str, data: bytes | bytearray) -> None:
        """Store an object; durable on return."""

    async def get(self, key: str) -> bytes:
        """Return a small object."""

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield an object in pieces; memory does not grow with its size."""

    async def delete(self, key: str, kept: Collection[str] = ()) -> None:
        """Delete an object, or everything below a prefix that ends in "/" except the keys in `kept`."""

    async def keep_only(self, prefix: str, key: str) -> None:
        """Delete everything below a prefix except one key."""

    async def create_multipart(self, key: str) -> str:
        """Start a multipart upload and return its id."""

    async def put_part(self, key: str, multipart_id: str, number: int, data: bytes | bytearray) -> UploadPart:
        """Store one part; durable on return."""

    async def list_parts(self, key: str, multipart_id: str) -> Sequence[UploadPart]:
        """Return the stored parts, by number."""

    async def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[UploadPart]) -> None:
        """Join parts into the object; idempotent. Refuses with UPLOAD_PART_INVALID if the store refuses them."""

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Abort a multipart upload and delete its parts; an unknown one is not an error."""

    async def part_url(self, key: str, multipart_id: str, number: int, size: int, ttl: timedelta) -> str:
        """Return a URL for one PUT of a part."""

    async def old_multiparts(self, before: datetime) -> Sequence[tuple[str, str]]:
        """Return key and id of multipart uploads of uploads that were started before a time and not ended."""


class UploadJobs(Protocol):
    """The jobs of an upload. Every method runs in the transaction that changes the upload."""

    async def waiting(self, connection: Connection, principal: Principal, upload_id: UploadId) -> bool:
        """Tell whether a job still has to decode the upload."""

    async def release(self, connection: Connection, principal: Principal, upload_id: UploadId, object_id: UUID) -> None:
        """Start the jobs that waited for the upload, with its object."""

    async def fail(
        self, connection: Connection, principal: Principal, upload_id: UploadId, reason: str, message: str
    ) -> None:
        """Fail the jobs that waited for the upload, with its reason."""

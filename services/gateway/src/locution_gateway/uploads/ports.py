"""What the api needs of the world."""

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

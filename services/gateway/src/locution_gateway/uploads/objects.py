"""Upload bytes in the object store."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from datetime import datetime, timedelta
from typing import Final, cast

from locution_common.errors import InternalError, ObjectChecksumMismatch, Reason
from locution_common.objects import ObjectStore, Part

from locution_gateway.uploads.keys import ROOT
from locution_gateway.uploads.models import PartsRefused, UploadPart

READ_SIZE: Final = 2 * 1024 * 1024


class S3Objects:
    """Bytes in one bucket. `public` signs URLs for the endpoint that clients reach."""

    def __init__(self, store: ObjectStore, public: ObjectStore) -> None:
        self._store = store
        self._public = public

    async def put(self, key: str, data: bytes | bytearray) -> None:
        """Store an object."""
        await self._store.put(key, _bytes(data))

    async def get(self, key: str) -> bytes:
        """Return a small object."""
        return await self._store.get(key)

    def stream(self, key: str) -> AsyncIterator[bytes]:
        """Yield an object in pieces of 2 MiB."""
        return self._store.stream(key, range_size=READ_SIZE)

    async def delete(self, key: str, kept: Collection[str] = ()) -> None:
        """Delete an object, or everything below a prefix that ends in "/", with the multipart uploads begun there."""
        if not key.endswith("/"):
            await self._store.delete(key)
            return
        for pending in await self._store.list_multiparts(key):
            await self._store.abort_multipart(pending.key, pending.upload_id)
        async for found in self._store.list(key):
            if found.key not in kept:
                await self._store.delete(found.key)

    async def keep_only(self, prefix: str, key: str) -> None:
        """Delete everything below a prefix except one key."""
        async for found in self._store.list(prefix):
            if found.key != key:
                await self._store.delete(found.key)

    async def create_multipart(self, key: str) -> str:
        """Start a multipart upload."""
        return await self._store.create_multipart(key)

    async def put_part(self, key: str, multipart_id: str, number: int, data: bytes | bytearray) -> UploadPart:
        """Store one part, with its checksum."""
        return _part(await self._store.upload_part(key, multipart_id, number, _bytes(data)))

    async def list_parts(self, key: str, multipart_id: str) -> Sequence[UploadPart]:
        """Return the parts that the store holds."""
        return [_part(part) for part in await self._store.list_parts(key, multipart_id)]

    async def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[UploadPart]) -> None:
        """Join parts into the object."""
        listed = [Part(part.number, part.etag, part.size) for part in parts]
        try:
            await self._store.complete_multipart(key, multipart_id, listed)
        except ObjectChecksumMismatch as error:
            raise PartsRefused(
                Reason.UPLOAD_PART_INVALID, "the joined object has another size than its parts"
            ) from error
        except InternalError as error:
            if any(code in error.message for code in ("InvalidPart", "EntityTooSmall")):
                raise PartsRefused(Reason.UPLOAD_PART_INVALID, "the store refuses the parts") from error
            raise

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        """Abort a multipart upload."""
        await self._store.abort_multipart(key, multipart_id)

    async def part_url(self, key: str, multipart_id: str, number: int, size: int, ttl: timedelta) -> str:
        """Return a URL for a PUT of a part of exactly `size` bytes."""
        return await self._public.presign_part(key, multipart_id, number, size, ttl)

    async def old_multiparts(self, before: datetime) -> Sequence[tuple[str, str]]:
        """Return multipart uploads of uploads that were started before a time."""
        pending = await self._store.list_multiparts(ROOT)
        return [
            (found.key, found.upload_id)
            for found in pending
            if found.initiated is not None and found.initiated < before
        ]


def _part(part: Part) -> UploadPart:
    return UploadPart(part.number, part.size, part.etag.strip('"'))


def _bytes(data: bytes | bytearray) -> bytes:
    """Pass a buffer on unchanged: the client library only reads it, and a copy would double an upload's memory."""
    return cast("bytes", data)

"""An object store in memory, held to the same obligations as the real one by test_objects."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from locution_common.errors import ObjectNotFound, Reason
from locution_gateway.uploads.models import PartsRefused, UploadPart


@dataclass
class _Multipart:
    key: str
    begun: datetime
    parts: dict[int, tuple[UploadPart, bytes]] = field(default_factory=dict)


class MemoryObjects:
    """Keeps objects in a dict."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.multiparts: dict[str, _Multipart] = {}
        self._made = 0

    async def put(self, key: str, data: bytes | bytearray) -> None:
        self.objects[key] = bytes(data)

    async def get(self, key: str) -> bytes:
        if key not in self.objects:
            raise ObjectNotFound(key)
        return self.objects[key]

    async def stream(self, key: str) -> AsyncIterator[bytes]:
        data = await self.get(key)
        for place in range(0, len(data), 1000):
            yield data[place : place + 1000]

    async def delete(self, key: str, kept: Collection[str] = ()) -> None:
        meant = [found for found in self.objects if found == key or (key.endswith("/") and found.startswith(key))]
        for found in meant:
            if found not in kept:
                del self.objects[found]

    async def keep_only(self, prefix: str, key: str) -> None:
        for found in [found for found in self.objects if found.startswith(prefix) and found != key]:
            del self.objects[found]

    async def create_multipart(self, key: str) -> str:
        self._made += 1
        self.multiparts[f"multipart-{self._made}"] = _Multipart(key, datetime.now(UTC))
        return f"multipart-{self._made}"

    async def put_part(self, key: str, multipart_id: str, number: int, data: bytes | bytearray) -> UploadPart:
        if multipart_id not in self.multiparts:
            raise ObjectNotFound(multipart_id)
        part = UploadPart(number, len(data), hashlib.md5(data, usedforsecurity=False).hexdigest())
        self.multiparts[multipart_id].parts[number] = (part, bytes(data))
        return part

    async def list_parts(self, key: str, multipart_id: str) -> Sequence[UploadPart]:
        if multipart_id not in self.multiparts:
            raise ObjectNotFound(multipart_id)
        return [part for _, (part, _) in sorted(self.multiparts[multipart_id].parts.items())]

    async def complete_multipart(self, key: str, multipart_id: str, parts: Sequence[UploadPart]) -> None:
        if multipart_id not in self.multiparts:
            await self.get(key)
            return
        held = self.multiparts[multipart_id].parts
        if any(part.number not in held or held[part.number][0].etag != part.etag for part in parts):
            raise PartsRefused(Reason.UPLOAD_PART_INVALID, "the store refuses the parts")
        self.objects[key] = b"".join(held[part.number][1] for part in parts)
        del self.multiparts[multipart_id]

    async def abort_multipart(self, key: str, multipart_id: str) -> None:
        self.multiparts.pop(multipart_id, None)

    async def part_url(self, key: str, multipart_id: str, number: int, size: int, ttl: timedelta) -> str:
        return f"memory://{key}?partNumber={number}&uploadId={multipart_id}"

    async def old_multiparts(self, before: datetime) -> Sequence[tuple[str, str]]:
        return [(found.key, name) for name, found in self.multiparts.items() if found.begun < before]

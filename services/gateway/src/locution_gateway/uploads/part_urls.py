"""Presigned URLs for parts of an upload."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from locution_common.errors import FieldViolation, Reason, Refused

from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.uploads.models import Upload, UploadState, WriteMode
from locution_gateway.uploads.ports import ObjectBytes
from locution_gateway.uploads.postgres import PostgresUploads


@dataclass(frozen=True, slots=True)
class PartUrl:
    """A URL for one PUT of a part, valid for `ttl`."""

    number: int
    url: str
    ttl: timedelta


class CreatePartUrls:
    """Lets a client send parts directly to the object store."""

    def __init__(self, uploads: PostgresUploads, objects: ObjectBytes, part_size: int, ttl: timedelta) -> None:
        self._uploads = uploads
        self._objects = objects
        self._part_size = part_size
        self._ttl = ttl

    async def run(self, principal: Principal, upload_id: UploadId, numbers: Sequence[int]) -> list[PartUrl]:
        """Return a URL for each part number, good for exactly the bytes of its part.

        Refuses with UPLOAD_STATE_CONFLICT an upload that a stream writes, or that states no size, and parts behind its
        end with INVALID_REQUEST.
        """
        require(principal, Role.MEMBER)
        upload = await self._uploads.get(principal, upload_id)
        if upload.state is not UploadState.WRITING or upload.write_mode is WriteMode.STREAM:
            raise Refused(Reason.UPLOAD_STATE_CONFLICT, "an upload written by WriteUpload cannot be sent in parts")
        sizes = [self._size(upload, number) for number in numbers]
        multipart_id = await self._multipart(principal, upload)
        key = upload.object_key
        urls = [
            await self._objects.part_url(key, multipart_id, number, size, self._ttl)
            for number, size in zip(numbers, sizes, strict=True)
        ]
        return [PartUrl(number, url, self._ttl) for number, url in zip(numbers, urls, strict=True)]

    def _size(self, upload: Upload, number: int) -> int:
        if upload.stated_size is None:
            raise Refused(Reason.UPLOAD_STATE_CONFLICT, "an upload that is sent in parts must state its size_bytes")
        last = max(1, -(-upload.stated_size // self._part_size))
        if number > last:
            told = f"an upload of {upload.stated_size} bytes has {last} parts"
            raise Refused(Reason.INVALID_REQUEST, told, violations=[FieldViolation("part_numbers", told)])
        return self._part_size if number < last else upload.stated_size - (last - 1) * self._part_size

    async def _multipart(self, principal: Principal, upload: Upload) -> str:
        if upload.multipart_id is not None:
            return upload.multipart_id
        made = await self._objects.create_multipart(upload.object_key)
        kept = made
        try:
            kept = await self._uploads.begin_multipart(principal, upload.upload_id, None, made)
        except Refused as error:
            kept = "" if error.reason is Reason.UPLOAD_STATE_CONFLICT else made
            raise
        finally:
            if kept != made:
                await asyncio.shield(self._objects.abort_multipart(upload.object_key, made))
        return kept

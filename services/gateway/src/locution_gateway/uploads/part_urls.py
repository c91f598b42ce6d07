"""Presigned URLs for parts of an upload."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from locution_common.errors import Reason, Refused

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

    def __init__(self, uploads: PostgresUploads, objects: ObjectBytes, ttl: timedelta) -> None:
        self._uploads = uploads
        self._objects = objects
        self._ttl = ttl

    async def run(self, principal: Principal, upload_id: UploadId, numbers: Sequence[int]) -> list[PartUrl]:
        """Return a URL for each part number. Refuses an upload that a stream writes with UPLOAD_STATE_CONFLICT."""
        require(principal, Role.MEMBER)
        upload = await self._uploads.get(principal, upload_id)
        if upload.state is not UploadState.WRITING or upload.write_mode is WriteMode.STREAM:
            raise Refused(Reason.UPLOAD_STATE_CONFLICT, "an upload written by WriteUpload cannot be sent in parts")
        multipart_id = await self._multipart(principal, upload)
        urls = [await self._objects.part_url(upload.object_key, multipart_id, number, self._ttl) for number in numbers]
        return [PartUrl(number, url, self._ttl) for number, url in zip(numbers, urls, strict=True)]

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

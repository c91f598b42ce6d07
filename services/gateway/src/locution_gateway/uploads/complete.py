"""Complete an upload."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from locution_common.errors import Reason, Refused

from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.uploads.create import UploadLimits
from locution_gateway.uploads.models import Seal, Upload, UploadPart, UploadState, WriteMode, too_large
from locution_gateway.uploads.ports import ObjectBytes
from locution_gateway.uploads.postgres import PostgresUploads
from locution_gateway.uploads.verify import VerifyUpload


@dataclass(frozen=True, slots=True)
class StatedPart:
    """A part that the client claims to have sent: its number and the store's ETag."""

    number: int
    etag: str


class Unverified(asyncio.Event):
    """Set when a sealed upload waits for verification in the background."""


class CompleteUpload:
    """Seals an upload and verifies it: small ones at once, others in the background."""

    def __init__(
        self,
        uploads: PostgresUploads,
        objects: ObjectBytes,
        verify: VerifyUpload,
        limits: UploadLimits,
        part_size: int,
        inline_bytes: int,
        wake: Callable[[], None],
    ) -> None:
        self._uploads = uploads
        self._objects = objects
        self._verify = verify
        self._limits = limits
        self._part_size = part_size
        self._inline_bytes = inline_bytes
        self._wake = wake

    async def run(
        self, principal: Principal, upload_id: UploadId, sha256: str | None, stated: Sequence[StatedPart]
    ) -> Upload:
        """Seal it, with its parts if they were PUT to presigned URLs.

        Refuses with UPLOAD_STATE_CONFLICT, UPLOAD_PART_INVALID, UPLOAD_SIZE_MISMATCH, UPLOAD_DIGEST_MISMATCH,
        QUOTA_EXCEEDED.
        """
        require(principal, Role.MEMBER)
        upload = await self._uploads.get(principal, upload_id)
        if upload.state is UploadState.WRITING and (stated or upload.write_mode is WriteMode.PARTS):
            parts = await self._checked(upload, stated)
            sealed = await self._uploads.seal(principal, upload_id, None, Seal(sha256, parts))
        else:
            sealed = await self._uploads.seal(principal, upload_id, None, Seal(sha256))
        return await self.verified(principal, sealed)

    async def verified(self, principal: Principal, upload: Upload) -> Upload:
        """Verify a small upload now and return it; leave a large one to the background.

        Raises the reason for which the upload was refused.
        """
        if upload.state is not UploadState.VERIFYING:
            return upload
        if upload.committed_bytes > self._inline_bytes:
            self._wake()
            return upload
        await self._verify.run(principal, upload.upload_id)
        upload = await self._uploads.get(principal, upload.upload_id)
        if upload.state is UploadState.FAILED:
            reason = upload.error_reason or Reason.UPLOAD_PART_INVALID
            raise Refused(reason, "the stored bytes differ from the stated ones")
        return upload

    async def _checked(self, upload: Upload, stated: Sequence[StatedPart]) -> tuple[UploadPart, ...]:
        """Return the stated parts as the store holds them."""
        if upload.write_mode is not WriteMode.PARTS or upload.multipart_id is None:
            raise Refused(Reason.UPLOAD_STATE_CONFLICT, "no part URLs were requested for this upload")
        by_number: dict[int, list[UploadPart]] = {}
        for part in await self._objects.list_parts(upload.object_key, upload.multipart_id):
            by_number.setdefault(part.number, []).append(part)
        parts = tuple(_held(one, place, by_number.get(one.number, ())) for place, one in enumerate(stated, 1))
        if not parts:
            raise Refused(Reason.UPLOAD_PART_INVALID, "no parts are named")
        if wrong := [part.number for part in parts[:-1] if part.size != self._part_size]:
            raise Refused(Reason.UPLOAD_PART_INVALID, f"part {wrong[0]} does not hold {self._part_size} bytes")
        if sum(part.size for part in parts) > self._limits.max_bytes:
            raise too_large(self._limits.max_bytes)
        return parts


def _held(stated: StatedPart, place: int, held: Sequence[UploadPart]) -> UploadPart:
    """Return a stated part as the store holds it; some stores also list earlier versions under the same number."""
    if stated.number != place:
        raise Refused(Reason.UPLOAD_PART_INVALID, f"part {stated.number} is listed in place of part {place}")
    found = {part.etag: part for part in held}
    if not found:
        raise Refused(Reason.UPLOAD_PART_INVALID, f"the store holds no part {stated.number}")
    if stated.etag.strip('"') not in found:
        raise Refused(Reason.UPLOAD_PART_INVALID, f"part {stated.number} has another ETag")
    return found[stated.etag.strip('"')]

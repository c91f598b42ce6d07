"""Read a sealed upload back to check its size and SHA-256."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

from locution_common.clock import Clock
from locution_common.errors import DependencyUnavailable, ObjectNotFound, Reason

from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import Principal
from locution_gateway.uploads import keys
from locution_gateway.uploads.models import (
    PartsRefused,
    StoredObject,
    Upload,
    UploadFault,
    UploadPart,
    WriteMode,
    Written,
)
from locution_gateway.uploads.ports import ObjectBytes
from locution_gateway.uploads.postgres import PostgresUploads

# Higher than any number that a stream can have reserved.
TAIL_PART: Final = 10_000

# Uploads that one process reads back at once; each holds a range of its object in memory.
AT_ONCE: Final = 2

_log = logging.getLogger(__name__)


class _LostError(Exception):
    """Another process is verifying the upload."""


@dataclass(slots=True)
class _Hold:
    """The lease on one verification, renewed during the reading."""

    uploads: PostgresUploads
    clock: Clock
    principal: Principal
    upload_id: UploadId
    token: UUID
    lease: timedelta
    renewed: float

    async def keep(self) -> None:
        """Renew the lease after a third of its length."""
        if self.clock.monotonic() - self.renewed > self.lease.total_seconds() / 3:
            await self._renew(self.lease)

    async def release(self) -> None:
        """Let another process try at once."""
        await self.uploads.renew_verification(self.principal, self.upload_id, self.token, timedelta())

    async def _renew(self, lease: timedelta) -> None:
        if not await self.uploads.renew_verification(self.principal, self.upload_id, self.token, lease):
            raise _LostError
        self.renewed = self.clock.monotonic()


class VerifyUpload:
    """Makes a VERIFYING upload READY or FAILED, under a lease, so that only one process works on it."""

    def __init__(
        self, uploads: PostgresUploads, objects: ObjectBytes, clock: Clock, lease: timedelta, retention: timedelta
    ) -> None:
        self._uploads = uploads
        self._objects = objects
        self._clock = clock
        self._lease = lease
        self._retention = retention
        self._reading = asyncio.Semaphore(AT_ONCE)

    async def run(self, principal: Principal, upload_id: UploadId) -> bool:
        """Verify it unless another process does; return whether it was decided.

        If the store is unreachable, the upload is verified later.
        """
        async with self._reading:
            return await self._run(principal, upload_id)

    async def _run(self, principal: Principal, upload_id: UploadId) -> bool:
        token = uuid4()
        hold = _Hold(self._uploads, self._clock, principal, upload_id, token, self._lease, self._clock.monotonic())
        written = await self._uploads.claim_verification(principal, upload_id, token, self._lease)
        if written is None:
            return False
        try:
            outcome = await self._outcome(written, hold)
        except DependencyUnavailable as error:
            _log.warning("an upload could not be read back yet", extra={"upload": str(upload_id), "detail": str(error)})
            await hold.release()
            return False
        except _LostError:
            return False
        await self._mark(hold, outcome)
        return True

    async def _outcome(self, written: Written, hold: _Hold) -> StoredObject | UploadFault:
        try:
            key = await self._assemble(written)
            stored = await self._read(key, hold)
        except (PartsRefused, ObjectNotFound) as error:
            return UploadFault(Reason.UPLOAD_PART_INVALID, f"the parts do not make an object: {error}")
        fault = _fault(written.upload, stored)
        if fault is None:
            folder = keys.folder(written.upload.tenant_id, written.upload.upload_id)
            await self._objects.keep_only(folder, stored.key)
        return fault or stored

    async def _mark(self, hold: _Hold, outcome: StoredObject | UploadFault) -> None:
        if isinstance(outcome, StoredObject):
            await self._uploads.mark_ready(hold.principal, hold.upload_id, hold.token, outcome, self._retention)
        else:
            await self._uploads.mark_failed(hold.principal, hold.upload_id, hold.token, outcome, self._retention)

    async def _assemble(self, written: Written) -> str:
        """Join the written bytes to one object and return its key; idempotent."""
        upload = written.upload
        if upload.multipart_id is None or not written.parts:
            return await self._single(written)
        # If an earlier attempt joined the parts and died, multipart and tail are gone: the object is read back.
        with suppress(ObjectNotFound):
            await self._join(written, upload.multipart_id)
        return upload.object_key

    async def _join(self, written: Written, multipart_id: str) -> None:
        parts = list(written.parts)
        if written.tail_key is not None:
            parts.append(await self._tail_part(written.upload, multipart_id, written.tail_key, written.tail_bytes))
        try:
            await self._objects.complete_multipart(written.upload.object_key, multipart_id, parts)
        except PartsRefused:
            if written.upload.write_mode is not WriteMode.STREAM:
                raise
            await self._join_as_held(written.upload.object_key, multipart_id, parts)

    async def _join_as_held(self, key: str, multipart_id: str, parts: Sequence[UploadPart]) -> None:
        """Join by the store's own tags, because a recorded one may be wrong; a stream uses each number once."""
        held = {part.number: part for part in await self._objects.list_parts(key, multipart_id)}
        if any(part.number not in held or held[part.number].size != part.size for part in parts):
            raise PartsRefused(Reason.UPLOAD_PART_INVALID, "the store does not hold the parts")
        await self._objects.complete_multipart(key, multipart_id, [held[part.number] for part in parts])

    async def _single(self, written: Written) -> str:
        if written.tail_key is not None:
            return written.tail_key
        await self._objects.put(written.upload.object_key, b"")
        return written.upload.object_key

    async def _tail_part(self, upload: Upload, multipart_id: str, tail_key: str, size: int) -> UploadPart:
        data = await self._objects.get(tail_key)
        if len(data) != size:
            raise DependencyUnavailable(f"the object store gave {len(data)} of the tail's {size} bytes")
        return await self._objects.put_part(upload.object_key, multipart_id, TAIL_PART, data)

    async def _read(self, key: str, hold: _Hold) -> StoredObject:
        digest, size = hashlib.sha256(), 0
        async for piece in self._objects.stream(key):
            await asyncio.to_thread(digest.update, piece)
            size += len(piece)
            await hold.keep()
        return StoredObject(key, size, digest.hexdigest())


def _fault(upload: Upload, stored: StoredObject) -> UploadFault | None:
    if stored.size != upload.committed_bytes:
        return UploadFault(
            Reason.UPLOAD_SIZE_MISMATCH,
            f"{stored.size} bytes are stored, not the {upload.committed_bytes} that were sent",
        )
    if upload.stated_sha256 not in (None, stored.sha256):
        return UploadFault(Reason.UPLOAD_DIGEST_MISMATCH, f"the bytes have the SHA-256 {stored.sha256}")
    return None

"""Write an upload from a stream of bytes, one part at a time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID, uuid4

from locution_common.errors import DependencyUnavailable, ObjectNotFound, Reason, Refused

from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.quotas.slots import OnEnd, Slots
from locution_gateway.uploads import keys
from locution_gateway.uploads.complete import CompleteUpload
from locution_gateway.uploads.create import UploadLimits
from locution_gateway.uploads.models import Seal, Tail, Upload, UploadPart, Written, too_large
from locution_gateway.uploads.ports import ObjectBytes
from locution_gateway.uploads.postgres import PostgresUploads

MIB: Final = 1024 * 1024

# For parts that clients send themselves, and for streams of unknown or huge size.
PART_SIZE: Final = 8 * MIB
# For other streams: the minimum of S3, because each stream holds one part in memory.
SMALL_PART_SIZE: Final = 5 * MIB
SMALL_PARTS: Final = 8_000

# Up to this many concurrent streams send parts while they fill the next; further ones hold a single part.
OVERLAPPING: Final = 4
# Parts that such a stream sends at once.
IN_FLIGHT: Final = 2
# Beyond these an upload reads no more of its stream.
REFUSING: Final = (
    Reason.QUOTA_EXCEEDED,
    Reason.UPLOAD_NOT_FOUND,
    Reason.UPLOAD_STATE_CONFLICT,
    Reason.UPLOAD_WRITER_REPLACED,
)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Finish:
    """The end of a stream: all bytes were sent."""

    sha256: str | None = None


class _SlowError(Refused):
    """The stream brought too little for too long."""


class WriteUpload:
    """Writes the bytes of one upload from one stream; in memory are one part and those that are being stored."""

    def __init__(
        self,
        uploads: PostgresUploads,
        objects: ObjectBytes,
        complete: CompleteUpload,
        limits: UploadLimits,
        slots: Slots,
    ) -> None:
        self._uploads = uploads
        self._objects = objects
        self._complete = complete
        self._limits = limits
        self._slots = slots

    async def run(
        self,
        principal: Principal,
        upload_id: UploadId,
        offset: int,
        pieces: AsyncIterator[bytes | Finish],
        on_end: OnEnd | None = None,
    ) -> Upload:
        """Append the bytes of the stream; those of a broken stream are stored too.

        Refuses with OVERLOADED, UPLOAD_OFFSET_MISMATCH, UPLOAD_STATE_CONFLICT, UPLOAD_TOO_LARGE, UPLOAD_SIZE_MISMATCH,
        UPLOAD_DIGEST_MISMATCH, UPLOAD_WRITER_REPLACED, QUOTA_EXCEEDED, DEADLINE_EXCEEDED.
        """
        require(principal, Role.MEMBER)
        async with self._slots.hold(principal.tenant_id, on_end):
            writer = await self._begin(principal, upload_id, offset)
            try:
                sealed = await self._take(writer, pieces)
            except (asyncio.CancelledError, _SlowError):  # the caller is gone or too slow, or its slot was taken
                await writer.rescue()
                raise
            finally:
                await writer.close()
        if sealed is None:
            return await self._uploads.get(principal, upload_id)
        return await self._complete.verified(principal, sealed)

    async def _take(self, writer: _Writer, pieces: AsyncIterator[bytes | Finish]) -> Upload | None:
        """Write the bytes of the stream; return the upload if the stream finished it, None if the stream just ended."""
        async for piece in self._in_time(pieces):
            if isinstance(piece, Finish):
                return await writer.seal(piece.sha256)
            await writer.take(piece, overlap=self._slots.held <= OVERLAPPING)
        await writer.keep()
        return None

    async def _in_time(self, pieces: AsyncIterator[bytes | Finish]) -> AsyncIterator[bytes | Finish]:
        """Yield the pieces, and end a stream that brings too little in the time that it is waited for."""
        pace = _Pace(self._limits.silence.total_seconds(), self._limits.min_rate)
        while True:
            try:
                with pace.waiting():
                    async with asyncio.timeout(pace.patience):
                        piece = await anext(pieces)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise _SlowError(Reason.DEADLINE_EXCEEDED, pace.complaint) from None
            if isinstance(piece, bytes):
                pace.brought(len(piece))
            yield piece

    async def _begin(self, principal: Principal, upload_id: UploadId, offset: int) -> _Writer:
        token = uuid4()
        written = await self._uploads.begin_stream(principal, upload_id, offset, token)
        tail = b"" if written.tail_key is None else await self._objects.get(written.tail_key)
        if len(tail) != written.tail_bytes:
            raise DependencyUnavailable("the object store gave other bytes than the upload holds")
        return _Writer(self._uploads, self._objects, self._limits, principal, token, written, bytearray(tail))


class _Pace:
    """How long to wait for a stream: in each `window` seconds of waiting it must bring `rate` bytes a second."""

    def __init__(self, window: float, rate: int) -> None:
        self._window = window
        self._least = max(1, round(rate * window))
        self._waited = 0.0
        self._bytes = 0
        self.complaint = f"the stream brought less than {self._least} bytes in {window:g} s"

    @property
    def patience(self) -> float:
        """Return the seconds that are left to wait."""
        return max(0.0, self._window - self._waited)

    @contextmanager
    def waiting(self) -> Iterator[None]:
        began = time.monotonic()
        try:
            yield
        finally:
            self._waited += time.monotonic() - began

    def brought(self, size: int) -> None:
        """Count bytes; enough of them begin a new window."""
        self._bytes += size
        if self._bytes >= self._least:
            self._waited, self._bytes = 0.0, 0


def part_size(stated_size: int | None) -> int:
    """Return the size of every part of a stream but the last; all streams of one upload use the same."""
    small = stated_size is not None and stated_size <= SMALL_PARTS * SMALL_PART_SIZE
    return SMALL_PART_SIZE if small else PART_SIZE


@dataclass(slots=True)
class _Writer:
    """One stream's hold on an upload; `kept` bytes of the buffer are already stored as the upload's tail."""

    uploads: PostgresUploads
    objects: ObjectBytes
    limits: UploadLimits
    principal: Principal
    token: UUID
    written: Written
    buffer: bytearray
    kept: int = 0
    size: int = 0
    part_size: int = PART_SIZE
    multipart_id: str | None = None
    sending: list[asyncio.Task[None]] = field(default_factory=list)
    keeping: asyncio.Task[None] | None = None

    def __post_init__(self) -> None:
        self.kept = len(self.buffer)
        self.part_size = part_size(self.upload.stated_size)
        self.size = self.upload.committed_bytes
        self.multipart_id = self.upload.multipart_id

    @property
    def upload(self) -> Upload:
        return self.written.upload

    async def take(self, piece: bytes, *, overlap: bool) -> None:
        """Append bytes and store every full part, in parallel with filling the next if allowed."""
        self._check(self.size + len(piece))
        if not overlap:
            await self._sent()
        self.size += len(piece)
        rest = memoryview(piece)
        while rest:
            room = self.part_size - len(self.buffer)
            self.buffer += rest[:room]
            rest = rest[room:]
            if len(self.buffer) == self.part_size:
                await self._send()

    async def keep(self) -> None:
        """Store the bytes after the last part as the tail; it completes even if the caller is cancelled."""
        self.keeping = self.keeping or asyncio.create_task(self._keep())
        await asyncio.shield(self.keeping)

    async def _keep(self) -> None:
        await self._sent()
        if len(self.buffer) == self.kept:
            return
        tail = await self._put_tail()
        async with self._taken_back(tail):
            await self.uploads.commit_tail(self.principal, self.upload.upload_id, self.token, tail, self.limits.idle)

    async def rescue(self) -> None:
        """Store the received bytes of a broken stream if possible."""
        try:
            await self.keep()
        except Refused as error:
            _log.info("bytes of a broken stream were not stored", extra={"detail": str(error)})

    async def seal(self, sha256: str | None) -> Upload:
        """Complete the upload with the last bytes."""
        await self._sent()
        if self.upload.stated_size not in (None, self.size):
            await self.keep()
            raise Refused(
                Reason.UPLOAD_SIZE_MISMATCH, f"{self.size} bytes were sent instead of {self.upload.stated_size}"
            )
        seal = await self._last(sha256)
        async with self._taken_back(seal.tail):
            return await self.uploads.seal(self.principal, self.upload.upload_id, self.token, seal)

    async def close(self) -> None:
        """Finish storing what is in progress, even if the stream broke."""
        begun = [*self.sending, *([self.keeping] if self.keeping else [])]
        if begun:
            await asyncio.wait(begun)
            for task in begun:
                task.exception()

    async def _sent(self, under_way: int = 0) -> None:
        """Wait until at most `under_way` parts are in flight, and the others are stored and recorded."""
        while len(self.sending) > under_way:
            await asyncio.shield(self.sending[0])
            del self.sending[0]

    async def _last(self, sha256: str | None) -> Seal:
        """Store the last bytes; they stay in the buffer as the tail in case completion fails."""
        if not self.buffer:
            return Seal(sha256)
        if self.multipart_id is not None:
            number = await self._next_part()
            return Seal(sha256, parts=(await self._put_part(self.multipart_id, number, self.buffer),))
        return Seal(sha256) if len(self.buffer) == self.kept else Seal(sha256, tail=await self._put_tail())

    async def _send(self) -> None:
        """Start storing a full part; numbers follow the order of the bytes."""
        # An upload of unstated size reserves quota part by part, beyond what is counted.
        await self._sent(0 if self.upload.stated_size is None else IN_FLIGHT - 1)
        multipart_id = self.multipart_id = self.multipart_id or await self._begin_multipart()
        number = await self._next_part()
        before = self.sending[-1] if self.sending else None
        self.sending.append(asyncio.create_task(self._store_part(multipart_id, number, self._drain(), before)))

    async def _store_part(
        self, multipart_id: str, number: int, data: bytearray, before: asyncio.Task[None] | None
    ) -> None:
        """Store a part and record it after the previous ones."""
        part = await self._put_part(multipart_id, number, data)
        if before is not None:
            await asyncio.wait([before])
            before.result()
        await self.uploads.commit_part(self.principal, self.upload.upload_id, self.token, part, self.limits.idle)

    async def _begin_multipart(self) -> str:
        key = self.upload.object_key
        multipart_id = await self.objects.create_multipart(key)
        try:
            return await self.uploads.begin_multipart(self.principal, self.upload.upload_id, self.token, multipart_id)
        except Refused as error:
            if error.reason is Reason.UPLOAD_WRITER_REPLACED:
                await asyncio.shield(self.objects.abort_multipart(key, multipart_id))
            raise

    async def _next_part(self) -> int:
        return await self.uploads.next_part(self.principal, self.upload.upload_id, self.token, len(self.buffer))

    async def _put_part(self, multipart_id: str, number: int, data: bytearray) -> UploadPart:
        try:
            return await self.objects.put_part(self.upload.object_key, multipart_id, number, data)
        except ObjectNotFound:  # the upload ended meanwhile: asking for another number says how
            await self.uploads.next_part(self.principal, self.upload.upload_id, self.token, 0)
            raise

    async def _put_tail(self) -> Tail:
        key = keys.tail_key(self.principal.tenant_id, self.upload.upload_id, uuid4())
        await self.objects.put(key, self.buffer)
        return Tail(key, len(self.buffer))

    @asynccontextmanager
    async def _taken_back(self, tail: Tail | None) -> AsyncIterator[None]:
        """Delete a tail that the upload refuses."""
        try:
            yield
        except Refused as error:
            if tail is not None and error.reason in REFUSING:
                await asyncio.shield(self.objects.delete(tail.key))
            raise

    def _drain(self) -> bytearray:
        """Return the buffer without a copy, and start a new one after it."""
        data, self.buffer = self.buffer, bytearray()
        self.kept = 0
        return data

    def _check(self, size: int) -> None:
        if size > self.limits.max_bytes:
            raise too_large(self.limits.max_bytes)
        if self.upload.stated_size is not None and size > self.upload.stated_size:
            raise Refused(
                Reason.UPLOAD_SIZE_MISMATCH, f"more than the stated {self.upload.stated_size} bytes were sent"
            )

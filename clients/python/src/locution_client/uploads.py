"""Send recordings, and resume after a broken connection."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import suppress
from pathlib import Path

import grpc
from locution.v1 import upload_service_pb2 as pb
from locution.v1.upload_service_pb2_grpc import UploadServiceStub

from locution_client.calls import Access, Tries, may_resume
from locution_client.errors import ApiError, from_rpc
from locution_client.labels import label as fit
from locution_client.service import Service
from locution_client.sources import File, Source, open_source

KEPT = 32 * 1024 * 1024
"""Bytes of a stream after which the client asks which of them it may forget. The server holds at most 16 MiB."""

LONG = 3600.0
"""Seconds that the server may take to join the parts of an upload."""

Sent = Callable[[int, int | None], None]
"""Called with the bytes sent and the total, which is None for a stream."""


class Uploads(Service):
    """Call UploadService."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
        self._stub = UploadServiceStub(channel)

    @property
    def waiting(self) -> Callable[[ApiError], None]:
        """Return whom to tell of a long wait."""
        return self._access.waiting

    async def send(self, path: Path, *, sent: Sent | None = None, resume: bool = False) -> pb.Upload:
        """Upload a whole file or stream, checked by size and SHA-256. Raises ApiError or OSError.

        With `resume`, a file is hashed first, and an unfinished upload of the same bytes by an earlier run resumes.
        """
        with open_source(path) as source:
            return await self._send(source, sent or _ignore, resume)

    async def _send(self, source: Source, sent: Sent, resume: bool) -> pb.Upload:
        upload = await self._to_write(source, resume)
        tries = Tries(self._access)
        while upload.state == pb.Upload.STATE_WRITING:
            before, failure = upload.committed_bytes, None
            try:
                upload = await self._write(upload, source, sent)
            except grpc.aio.AioRpcError as error:
                failure = from_rpc(error)
                if not may_resume(failure):
                    raise failure from error
                upload = await self.get(upload.name)
            if upload.committed_bytes > before:
                tries.progress()
            elif failure is None:
                failure = ApiError("UNAVAILABLE", "the server stored none of the bytes")
            if failure is not None and upload.state == pb.Upload.STATE_WRITING:
                await tries.wait(failure)
        return upload

    async def get(self, name: str) -> pb.Upload:
        """Read one upload."""
        return await self._call(self._stub.GetUpload, pb.GetUploadRequest(name=name))

    async def complete(self, name: str, parts: Sequence[pb.UploadPart] = ()) -> pb.Upload:
        """Complete an upload; one sent in parts needs its parts in order."""
        request = pb.CompleteUploadRequest(name=name, parts=parts)
        return await self._call(self._stub.CompleteUpload, request, timeout=LONG)

    async def part_urls(self, name: str, numbers: Sequence[int]) -> pb.CreateUploadPartUrlsResponse:
        """Ask for presigned URLs of parts."""
        request = pb.CreateUploadPartUrlsRequest(name=name, part_numbers=numbers)
        return await self._call(self._stub.CreateUploadPartUrls, request)

    async def delete(self, name: str) -> None:
        """Abort or delete an upload."""
        await self._call(self._stub.DeleteUpload, pb.DeleteUploadRequest(name=name))

    async def _to_write(self, source: Source, resume: bool) -> pb.Upload:
        """Return the upload to write to. Only an upload that another run may resume states its digest early."""
        if not (resume and isinstance(source, File)):
            return await self.create(source.label, source.size)
        digest = await source.measure()
        return await self._begun(source.size, digest) or await self.create(source.label, source.size, digest)

    async def _begun(self, size: int | None, digest: str) -> pb.Upload | None:
        """Return the furthest unfinished upload of these bytes that a stream wrote."""
        request = pb.ListUploadsRequest(filter="state = WRITING", page_size=1000)
        page = await self._call(self._stub.ListUploads, request)
        same = [each for each in page.uploads if (each.size_bytes, each.sha256) == (size, digest)]
        begun = [each for each in same if each.committed_bytes]
        return max(begun, key=lambda each: each.committed_bytes, default=None)

    async def create(self, label: str, size: int | None, digest: str | None = None) -> pb.Upload:
        """Create an upload to write to; one of a stream states no size."""
        upload = pb.Upload(display_name=fit(label), size_bytes=size, sha256=digest)
        request = pb.CreateUploadRequest(upload=upload, request_id=str(uuid.uuid4()))
        return await self._call(self._stub.CreateUpload, request)

    async def _write(self, upload: pb.Upload, source: Source, sent: Sent) -> pb.Upload:
        """Send bytes from the committed offset to the end, or until none come for a while."""
        source.stored(upload.committed_bytes)
        await source.wait()
        messages = self._messages(upload, source, sent)
        try:
            written = await self._stub.WriteUpload(messages, metadata=self._access.metadata)
        finally:
            source.interrupt()
            await _close(messages)
        if source.failure is not None:
            raise source.failure
        return written

    async def _messages(self, upload: pb.Upload, source: Source, sent: Sent) -> AsyncGenerator[pb.WriteUploadRequest]:
        offset = asked = upload.committed_bytes
        yield pb.WriteUploadRequest(start=pb.WriteUploadStart(name=upload.name, offset=offset))
        while data := await source.next(offset):
            yield pb.WriteUploadRequest(data=data)
            offset += len(data)
            sent(offset, source.size)
            if source.size is None and offset - asked >= KEPT:
                asked = offset
                with suppress(ApiError):  # the bytes are kept until the next time
                    known = await self._call(self._stub.GetUpload, pb.GetUploadRequest(name=upload.name), repeat=False)
                    source.stored(known.committed_bytes)
        if data is not None:
            yield pb.WriteUploadRequest(finish=pb.WriteUploadFinish(sha256=await source.sha256()))


async def _close(messages: AsyncGenerator[pb.WriteUploadRequest]) -> None:
    """Close a generator that may still be reading a chunk for a call that has ended."""
    while getattr(messages, "ag_running", False):  # noqa: ASYNC110 - it has no event to wait for
        await asyncio.sleep(0.001)
    await messages.aclose()


def measure(path: Path) -> tuple[int, str]:
    """Return a file's size and SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()


def _ignore(_sent: int, _total: int | None) -> None:
    return None

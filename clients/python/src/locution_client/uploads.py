"""Send recordings, and resume after a broken connection."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import grpc
from locution.v1 import upload_service_pb2 as pb
from locution.v1.upload_service_pb2_grpc import UploadServiceStub

from locution_client.calls import ATTEMPTS, may_resume, wait_before
from locution_client.errors import from_rpc
from locution_client.service import Metadata, Service

CHUNK = 160 * 1024
"""Bytes in one message. The server accepts up to 1 MiB and holds several messages in memory."""

LONG = 3600.0
"""Seconds that the server may take to join the parts of an upload."""

Sent = Callable[[int, int], None]
"""Called with the bytes sent and the total."""


class Uploads(Service):
    """Call UploadService."""

    def __init__(self, channel: grpc.aio.Channel, metadata: Metadata) -> None:
        super().__init__(metadata)
        self._stub = UploadServiceStub(channel)

    async def send(self, path: Path, *, sent: Sent | None = None, resume: bool = False) -> pb.Upload:
        """Upload a whole file, checked by size and SHA-256. Raises ApiError or OSError.

        With `resume`, the file is hashed first, and an unfinished upload of the same bytes by an earlier run resumes.
        """
        upload = await self._to_write(path, resume)
        source = Source(path, upload.sha256)
        stalled = 0
        while upload.state == pb.Upload.STATE_WRITING and stalled < ATTEMPTS:
            before = upload.committed_bytes
            try:
                return await self._write(upload, source, sent or _ignore)
            except grpc.aio.AioRpcError as error:
                failure = from_rpc(error)
                if not may_resume(failure) or stalled == ATTEMPTS - 1:
                    raise failure from error
                await asyncio.sleep(wait_before(stalled, failure))
            upload = await self.get(upload.name)
            stalled = 0 if upload.committed_bytes > before else stalled + 1
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

    async def _to_write(self, path: Path, resume: bool) -> pb.Upload:
        """Return the upload to write to. Only an upload that another run may resume states its digest early."""
        if not resume:
            size = await asyncio.to_thread(lambda: path.stat().st_size)
            return await self.create(path.name, size)
        size, digest = await asyncio.to_thread(measure, path)
        return await self._begun(size, digest) or await self.create(path.name, size, digest)

    async def _begun(self, size: int, digest: str) -> pb.Upload | None:
        """Return the furthest unfinished upload of these bytes that a stream wrote."""
        request = pb.ListUploadsRequest(filter="state = WRITING", page_size=1000)
        page = await self._call(self._stub.ListUploads, request)
        same = [each for each in page.uploads if (each.size_bytes, each.sha256) == (size, digest)]
        begun = [each for each in same if each.committed_bytes]
        return max(begun, key=lambda each: each.committed_bytes, default=None)

    async def create(self, label: str, size: int, digest: str | None = None) -> pb.Upload:
        """Create an upload to write to."""
        upload = pb.Upload(display_name=label[:512], size_bytes=size, sha256=digest)
        request = pb.CreateUploadRequest(upload=upload, request_id=str(uuid.uuid4()))
        return await self._call(self._stub.CreateUpload, request)

    async def _write(self, upload: pb.Upload, source: Source, sent: Sent) -> pb.Upload:
        messages = _messages(upload, source, sent)
        try:
            return await self._stub.WriteUpload(messages, metadata=self._metadata)
        finally:
            await _close(messages)


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


class Source:
    """A file that is read once, or again from the server's offset after a break.

    A file without a `known` SHA-256 is hashed on the first read.
    """

    def __init__(self, path: Path, known: str) -> None:
        self._path = path
        self._known = known
        self._digest = hashlib.sha256()
        self._digested = 0

    def open(self) -> BinaryIO:
        """Open the file."""
        return self._path.open("rb")

    def read(self, file: BinaryIO) -> bytes:
        """Read the next chunk."""
        offset = file.tell()
        data = file.read(CHUNK)
        if not self._known and offset <= self._digested < offset + len(data):
            self._digest.update(data[self._digested - offset :])
            self._digested = offset + len(data)
        return data

    def sha256(self, file: BinaryIO) -> str:
        """Return the SHA-256 of all bytes."""
        if self._known:
            return self._known
        file.seek(self._digested)
        while self.read(file):
            pass
        return self._digest.hexdigest()


async def _messages(upload: pb.Upload, source: Source, sent: Sent) -> AsyncGenerator[pb.WriteUploadRequest]:
    offset, size = upload.committed_bytes, upload.size_bytes
    yield pb.WriteUploadRequest(start=pb.WriteUploadStart(name=upload.name, offset=offset))
    with source.open() as file:
        file.seek(offset)
        while data := await asyncio.to_thread(source.read, file):
            yield pb.WriteUploadRequest(data=data)
            offset += len(data)
            sent(offset, size)
        digest = await asyncio.to_thread(source.sha256, file)
    yield pb.WriteUploadRequest(finish=pb.WriteUploadFinish(sha256=digest))


def _ignore(_sent: int, _total: int) -> None:
    return None

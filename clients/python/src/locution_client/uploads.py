"""Send recordings, and go on where a broken connection left off."""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from collections.abc import AsyncGenerator, Callable
from pathlib import Path

import grpc
from locution.v1 import upload_service_pb2 as pb
from locution.v1.upload_service_pb2_grpc import UploadServiceStub

from locution_client.calls import ATTEMPTS, DEADLINE, may_repeat, retrying, wait_before
from locution_client.errors import ApiError, from_rpc

CHUNK = 512 * 1024
"""Bytes in one message; the server takes up to 1 MiB."""

Sent = Callable[[int, int], None]
"""Is told the bytes sent and the bytes in all."""


class Uploads:
    """Call UploadService."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._stub = UploadServiceStub(channel)
        self._metadata = metadata

    async def send(self, path: Path, *, sent: Sent | None = None) -> pb.Upload:
        """Send a whole file, checked by size and SHA-256; raise ApiError or OSError."""
        size, digest = await asyncio.to_thread(measure, path)
        upload = await self._create(path.name, size, digest)
        stalled = 0
        while upload.state == pb.Upload.STATE_WRITING and stalled < ATTEMPTS:
            before = upload.committed_bytes
            try:
                return await self._write(upload, path, size, sent or _ignore)
            except grpc.aio.AioRpcError as error:
                failure = from_rpc(error)
                if not _may_resume(failure) or stalled == ATTEMPTS - 1:
                    raise failure from error
                await asyncio.sleep(wait_before(stalled, failure))
            upload = await self.get(upload.name)
            stalled = 0 if upload.committed_bytes > before else stalled + 1
        return upload

    async def get(self, name: str) -> pb.Upload:
        """Read one upload."""
        request = pb.GetUploadRequest(name=name)
        return await retrying(lambda: self._stub.GetUpload(request, metadata=self._metadata, timeout=DEADLINE))

    async def _create(self, label: str, size: int, digest: str) -> pb.Upload:
        upload = pb.Upload(display_name=label[:512], size_bytes=size, sha256=digest)
        request = pb.CreateUploadRequest(upload=upload, request_id=str(uuid.uuid4()))
        return await retrying(lambda: self._stub.CreateUpload(request, metadata=self._metadata, timeout=DEADLINE))

    async def _write(self, upload: pb.Upload, path: Path, size: int, sent: Sent) -> pb.Upload:
        messages = _messages(upload, path, size, sent)
        try:
            return await self._stub.WriteUpload(messages, metadata=self._metadata)
        finally:
            await messages.aclose()


def measure(path: Path) -> tuple[int, str]:
    """Return a file's size and SHA-256."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        return file.tell(), digest.hexdigest()


async def _messages(upload: pb.Upload, path: Path, size: int, sent: Sent) -> AsyncGenerator[pb.WriteUploadRequest]:
    offset = upload.committed_bytes
    yield pb.WriteUploadRequest(start=pb.WriteUploadStart(name=upload.name, offset=offset))
    with path.open("rb") as file:
        file.seek(offset)
        while data := await asyncio.to_thread(file.read, CHUNK):
            yield pb.WriteUploadRequest(data=data)
            offset += len(data)
            sent(offset, size)
    yield pb.WriteUploadRequest(finish=pb.WriteUploadFinish())


def _may_resume(failure: ApiError) -> bool:
    return may_repeat(failure) or failure.reason == "UPLOAD_OFFSET_MISMATCH"


def _ignore(_sent: int, _total: int) -> None:
    return None

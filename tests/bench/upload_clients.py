"""Three ways of getting bytes into the same store: a plain S3 client, one WriteUpload stream, presigned parts."""

from __future__ import annotations

import asyncio
import math
import os
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import urllib3
from locution.v1 import upload_service_pb2 as pb
from locution.v1.upload_service_pb2_grpc import UploadServiceStub
from locution_client import Client, Connection
from locution_client.calls import credentials, open_channel
from locution_client.uploads import measure
from minio import Minio

from tests.bench.installation import Installation

BUCKET = "locution"
PARALLEL_PARTS = 4
URLS_AT_ONCE = 100
DEADLINE = 600.0
POLL = 0.02


class UploadFailed(Exception):
    """An upload of the bench was not taken."""


@dataclass(frozen=True, slots=True)
class Store:
    """The S3 server of the stack, as anybody's client reaches it."""

    client: Minio

    def put(self, path: Path) -> str:
        """Put a file with the minio client's own defaults; return its key."""
        return str(self.client.fput_object(BUCKET, f"bench/{uuid.uuid4().hex}", str(path)).object_name)


def store(running: Installation) -> Store:
    """Return a plain client of the store."""
    keys = running.secret("s3-access-key"), running.secret("s3-secret-key")
    return Store(Minio(running.address("s3"), *keys, secure=False, region="us-east-1"))


def connection(running: Installation) -> Connection:
    """Return how the public API is reached."""
    told = running.client_settings()
    return Connection(told["LOCUTION_ADDRESS"], told["LOCUTION_API_KEY"])


async def by_stream(client: Client, path: Path) -> str:
    """Send a file by one WriteUpload stream, its digest computed here and checked there; return its name."""
    return (await client.uploads.send(path)).name


async def by_parts(where: Connection, path: Path) -> str:
    """Send a file as presigned parts, four at once, digest included; return its name."""
    size, digest = await asyncio.to_thread(measure, path)
    async with open_channel(where) as channel:
        stub, metadata = UploadServiceStub(channel), credentials(where.api_key)
        wanted = pb.CreateUploadRequest(upload=pb.Upload(size_bytes=size, sha256=digest), request_id=str(uuid.uuid4()))
        upload = await stub.CreateUpload(wanted, metadata=metadata, timeout=DEADLINE)
        parts = await _send_parts(stub, metadata, upload.name, path, size)
        done = pb.CompleteUploadRequest(name=upload.name, sha256=digest, parts=parts)
        await stub.CompleteUpload(done, metadata=metadata, timeout=DEADLINE)
    return upload.name


async def ready(client: Client, name: str) -> None:
    """Wait until an upload's bytes were read back and found right."""
    while True:
        upload = await client.uploads.get(name)
        if upload.state == pb.Upload.STATE_READY:
            return
        if upload.state != pb.Upload.STATE_VERIFYING:
            raise UploadFailed(f"{name}: {pb.Upload.State.Name(upload.state)} {upload.error_reason}")
        await asyncio.sleep(POLL)


def make_file(path: Path, mebibytes: int) -> Path:
    """Write random bytes: nobody may compress them, and no digest is stored already.

    What was written before is flushed to the disk too, so that no run pays for the one before it.
    """
    with path.open("wb") as file:
        for _ in range(mebibytes):
            file.write(os.urandom(1 << 20))
    os.sync()
    return path


async def _send_parts(
    stub: UploadServiceStub, metadata: tuple[tuple[str, str], ...], name: str, path: Path, size: int
) -> list[pb.UploadPart]:
    found: list[pb.UploadPart] = []
    count, number = 1, 1
    with ThreadPoolExecutor(PARALLEL_PARTS) as threads, urllib3.PoolManager(maxsize=PARALLEL_PARTS) as pool:
        while number <= count:
            last = min(number + URLS_AT_ONCE - 1, max(count, number))
            request = pb.CreateUploadPartUrlsRequest(name=name, part_numbers=range(number, last + 1))
            answer = await stub.CreateUploadPartUrls(request, metadata=metadata, timeout=DEADLINE)
            part = answer.part_size_bytes
            count = math.ceil(size / part)
            loop = asyncio.get_running_loop()
            sent = (loop.run_in_executor(threads, _put, pool, url, path, part) for url in answer.urls)
            found += await asyncio.gather(*sent)
            number = last + 1
    return found


def _put(pool: urllib3.PoolManager, url: pb.UploadPartUrl, path: Path, part: int) -> pb.UploadPart:
    with path.open("rb") as file:
        file.seek((url.part_number - 1) * part)
        answer = pool.request("PUT", url.url, body=file.read(part))
    if answer.status != 200:
        raise UploadFailed(f"part {url.part_number}: the store answered {answer.status}")
    return pb.UploadPart(part_number=url.part_number, etag=answer.headers["ETag"])

"""Objects in S3 through the synchronous `minio` client, on a bounded pool of threads.

Memory stays flat: streams are written in parts and read in ranges, one at a time. Errors are domain errors:
ObjectNotFound, DependencyUnavailable, or InternalError for faults that only an operator can repair.
"""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Final, TypeVar

from minio.datatypes import Object as MinioObject

from . import s3_client
from .errors import DependencyUnavailable, InternalError, ObjectChecksumMismatch, ObjectNotFound
from .s3_client import S3Client
from .settings import ObjectStoreSettings

T = TypeVar("T")

PART_SIZE: Final = 8 * 1024 * 1024
MIN_PART_SIZE: Final = 5 * 1024 * 1024
RANGE_SIZE: Final = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """An object; `etag` changes with its bytes."""

    key: str
    size: int
    etag: str
    modified: datetime | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Part:
    """An uploaded part: its number from 1, the store's tag, and its bytes."""

    number: int
    etag: str
    size: int


@dataclass(frozen=True, slots=True)
class PendingUpload:
    """A multipart upload that is neither completed nor aborted."""

    key: str
    upload_id: str
    initiated: datetime | None


class ObjectStore:
    """One bucket; create it with `open_store`."""

    def __init__(self, client: S3Client, bucket: str, executor: ThreadPoolExecutor) -> None:
        self._client = client
        self._bucket = bucket
        self._executor = executor

    async def put(
        self,
        key: str,
        data: bytes,
        *,
        content_type: str = "application/octet-stream",
        metadata: Mapping[str, str] | None = None,
    ) -> ObjectInfo:
        """Store `data` under `key`, replacing any object; it is durable on return."""
        headers = {"Content-Type": content_type, **_user_metadata(metadata)}
        etag = await self._run(lambda: self._client.put(self._bucket, key, data, headers))
        return ObjectInfo(key, len(data), etag, None, dict(metadata or {}))

    async def put_stream(
        self,
        key: str,
        source: AsyncIterator[bytes],
        *,
        part_size: int = PART_SIZE,
        metadata: Mapping[str, str] | None = None,
    ) -> ObjectInfo:
        """Store a stream of unknown length with at most one part in memory; a failure leaves nothing behind."""
        parts = _parts(source, max(part_size, MIN_PART_SIZE))
        first = await anext(parts, b"")
        if len(first) < max(part_size, MIN_PART_SIZE):
            return await self.put(key, first, metadata=metadata)
        upload_id = await self.create_multipart(key, metadata=metadata)
        try:
            done = [await self.upload_part(key, upload_id, 1, first)]
            async for data in parts:
                done.append(await self.upload_part(key, upload_id, len(done) + 1, data))
            return await self.complete_multipart(key, upload_id, done)
        except BaseException:
            await asyncio.shield(self.abort_multipart(key, upload_id))
            raise

    async def get(self, key: str, *, offset: int = 0, length: int | None = None) -> bytes:
        """Return the bytes of an object, or `length` of them from `offset`; fewer if the object ends before."""
        if length == 0:
            return b""
        return await self._run(lambda: self._client.read(self._bucket, key, offset, length, None))

    async def stream(
        self, key: str, *, offset: int = 0, length: int | None = None, range_size: int = RANGE_SIZE
    ) -> AsyncIterator[bytes]:
        """Yield the bytes of an object in ranges of `range_size`, with one range in memory and no open connection.

        Raises ObjectNotFound, also if the object is replaced during the read.
        """
        info = await self.stat(key)
        end = info.size if length is None else min(info.size, offset + length)
        for start in range(offset, end, range_size):
            size = min(range_size, end - start)
            data = await self._run(partial(self._client.read, self._bucket, key, start, size, info.etag))
            if len(data) != size:
                raise DependencyUnavailable("the object store gave other bytes than it was asked for")
            yield data

    async def stat(self, key: str) -> ObjectInfo:
        """Return size, tag and metadata of an object; raises ObjectNotFound."""
        return _info(await self._run(lambda: self._client.stat_object(self._bucket, key)))

    async def exists(self, key: str) -> bool:
        """Tell whether an object exists under `key`."""
        try:
            await self.stat(key)
        except ObjectNotFound:
            return False
        return True

    async def delete(self, key: str) -> None:
        """Delete an object; a missing one is not an error."""
        await self._run(lambda: self._client.remove_object(self._bucket, key))

    async def delete_prefix(self, prefix: str) -> int:
        """Delete every object whose key begins with `prefix`, and return their number."""
        count = 0
        async for info in self.list(prefix):
            await self.delete(info.key)
            count += 1
        return count

    async def list(self, prefix: str = "") -> AsyncIterator[ObjectInfo]:
        """Yield the objects whose keys begin with `prefix`, ordered by key, one page at a time."""
        found = self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
        while page := await self._run(lambda: list(islice(found, 500))):
            for item in page:
                yield _info(item)

    async def presign_part(
        self, key: str, upload_id: str, number: int, size: int, expires: timedelta = timedelta(minutes=15)
    ) -> str:
        """Return a URL that lets anyone write one part of exactly `size` bytes, until it expires."""
        return await self._run(lambda: self._client.presign_part(self._bucket, key, upload_id, number, size, expires))

    async def probe(self) -> None:
        """A health probe: pass while the bucket is reachable and exists."""
        if not await self._run(lambda: self._client.bucket_exists(self._bucket)):
            raise InternalError(f"bucket {self._bucket} does not exist")

    async def create_multipart(self, key: str, *, metadata: Mapping[str, str] | None = None) -> str:
        """Start a multipart upload and return its id."""
        headers = _user_metadata(metadata)
        return await self._run(lambda: self._client.create_upload(self._bucket, key, headers))

    async def upload_part(self, key: str, upload_id: str, number: int, data: bytes) -> Part:
        """Upload part `number` (1 to 10,000), possibly again; all but the last have at least 5 MiB."""
        etag = await self._run(lambda: self._client.upload_part(self._bucket, key, upload_id, number, data))
        return Part(number, etag, len(data))

    async def list_parts(self, key: str, upload_id: str) -> tuple[Part, ...]:
        """Return the stored parts, by number. Raises ObjectNotFound for an unknown upload.

        A part that was sent again may be listed once for each time (SeaweedFS). Complete with the tag that
        `upload_part` returned last.
        """
        parts: list[Part] = []
        while True:
            after = parts[-1].number if parts else 0
            page = await self._run(partial(self._client.list_parts, self._bucket, key, upload_id, after))
            parts += [Part(part.part_number, part.etag.strip('"'), part.size or 0) for part in page.parts]
            if not page.is_truncated or not page.parts:
                return tuple(parts)

    async def complete_multipart(self, key: str, upload_id: str, parts: Sequence[Part]) -> ObjectInfo:
        """Join the parts, then read the object back, because S3 may answer 200 with an error in the body.

        Also succeeds if an earlier completion did and its answer was lost. Raises ObjectNotFound if there is neither
        upload nor object, ObjectChecksumMismatch if the size of the object differs from its parts, and
        DependencyUnavailable if the answer was 200 but nothing was joined: retry then.
        """
        listed = [(part.number, part.etag) for part in parts]
        try:
            await self._run(lambda: self._client.complete_upload(self._bucket, key, upload_id, listed))
        except ObjectNotFound:
            if not await self.exists(key):
                raise
        try:
            info = await self.stat(key)
        except ObjectNotFound as error:
            raise DependencyUnavailable("the object store said that it had joined the parts, and had not") from error
        expected = sum(part.size for part in parts)
        if info.size != expected:
            raise ObjectChecksumMismatch(f"{key} has {info.size} bytes after completion, not {expected}")
        return info

    async def abort_multipart(self, key: str, upload_id: str) -> None:
        """Abort a multipart upload and delete its parts; an unknown one is not an error."""
        with suppress(ObjectNotFound):
            await self._run(lambda: self._client.abort_upload(self._bucket, key, upload_id))

    async def list_multiparts(self, prefix: str = "") -> tuple[PendingUpload, ...]:
        """Return the first thousand multipart uploads that are neither completed nor aborted."""
        page = await self._run(lambda: self._client.list_uploads(self._bucket, prefix))
        return tuple(
            PendingUpload(item.object_name, item.upload_id or "", item.initiated_time) for item in page.uploads
        )

    async def _run(self, call: Callable[[], T]) -> T:
        """Run a blocking call on the pool, in the caller's context, so that its spans join the trace."""
        context = contextvars.copy_context()
        with s3_client.translated():
            return await asyncio.get_running_loop().run_in_executor(self._executor, context.run, call)


@asynccontextmanager
async def open_store(settings: ObjectStoreSettings) -> AsyncIterator[ObjectStore]:
    """Open the bucket of the settings; leaving waits for the calls in progress."""
    executor = ThreadPoolExecutor(settings.s3_connections, thread_name_prefix="s3")
    client = s3_client.connect(settings)
    try:
        yield ObjectStore(client, settings.s3_bucket, executor)
    finally:
        await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)
        client.close()


async def _parts(source: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    pending = bytearray()
    async for piece in source:
        pending += piece
        while len(pending) >= size:
            part = bytes(memoryview(pending)[:size])
            del pending[:size]
            yield part
    if pending:
        yield bytes(pending)


def _info(item: MinioObject) -> ObjectInfo:
    headers = {str(key).lower(): str(value) for key, value in (item.metadata or {}).items()}
    prefix = "x-amz-meta-"
    metadata = {key.removeprefix(prefix): value for key, value in headers.items() if key.startswith(prefix)}
    return ObjectInfo(
        item.object_name or "", item.size or 0, (item.etag or "").strip('"'), item.last_modified, metadata
    )


def _user_metadata(metadata: Mapping[str, str] | None) -> dict[str, str]:
    return {f"x-amz-meta-{key}": value for key, value in (metadata or {}).items()}

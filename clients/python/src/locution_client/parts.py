"""Upload a recording in parts, in parallel, directly to the object store by presigned URLs.

A small file records the uploaded parts, so that an interrupted upload resumes on the next run.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from locution.reasons.v1.catalogue import Reason
from locution.v1 import upload_service_pb2 as pb

from locution_client.calls import Access, Tries
from locution_client.errors import ApiError
from locution_client.uploads import Sent, Uploads, measure

TIMEOUT = 60.0
"""Seconds that the object store may take to answer."""

REFUSED = "the object store answered {status} to a part"


@dataclass(slots=True)
class Notes:
    """The record of an upload: its name, and the ETag of each stored part."""

    path: Path
    upload: str = ""
    etags: dict[int, str] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> Notes:
        """Read a record; return an empty one if the file is absent or damaged."""
        try:
            kept = json.loads(path.read_text(encoding="utf-8"))
            return cls(path, str(kept["upload"]), {int(part): str(etag) for part, etag in kept["parts"].items()})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return cls(path)

    def write(self) -> None:
        """Write the record atomically."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(f".{os.getpid()}")
        partial.write_text(json.dumps({"upload": self.upload, "parts": self.etags}), encoding="utf-8")
        partial.replace(self.path)

    def parts(self) -> list[pb.UploadPart]:
        """Return the parts in order."""
        return [pb.UploadPart(part_number=part, etag=self.etags[part]) for part in sorted(self.etags)]


def notes_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of records: below XDG_CACHE_HOME, else ~/.cache."""
    return Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "locution" / "uploads"


class PartSender:
    """Sends files in parts."""

    def __init__(self, uploads: Uploads, folder: Path, *, at_once: int) -> None:
        """Keep records in `folder`, and upload `at_once` parts in parallel."""
        self._uploads = uploads
        self._folder = folder
        self._at_once = at_once
        self._store = Access((), waiting=uploads.waiting)

    async def send(self, path: Path, *, sent: Sent) -> pb.Upload:
        """Send a whole file, checked by size and SHA-256; raise ApiError or OSError."""
        size, digest = await asyncio.to_thread(measure, path)
        notes = await self._begin(path, size, digest)
        first = await self._uploads.part_urls(notes.upload, [1])
        file = _File(path, size, first.part_size_bytes)
        notes.etags = {part: etag for part, etag in notes.etags.items() if part <= file.parts}
        sent(file.bytes_of(notes.etags), size)
        await self._send_missing(file, notes, sent)
        upload = await self._uploads.complete(notes.upload, notes.parts())
        notes.path.unlink(missing_ok=True)
        return upload

    async def _begin(self, path: Path, size: int, digest: str) -> Notes:
        notes = Notes.read(self._folder / f"{digest}.json")
        if not (notes.upload and await self._still_open(notes.upload)):
            made = await self._uploads.create(path.name, size, digest)
            notes = Notes(notes.path, made.name)
            notes.write()
        return notes

    async def _still_open(self, name: str) -> bool:
        try:
            return (await self._uploads.get(name)).state == pb.Upload.STATE_WRITING
        except ApiError as error:
            if error.known is not Reason.UPLOAD_NOT_FOUND:
                raise
            return False

    async def _send_missing(self, file: _File, notes: Notes, sent: Sent) -> None:
        missing = iter([part for part in range(1, file.parts + 1) if part not in notes.etags])

        async def work() -> None:
            for part in missing:
                notes.etags[part] = await self._send_part(file, notes.upload, part)
                notes.write()
                sent(file.bytes_of(notes.etags), file.size)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(self._at_once):
                    group.create_task(work())
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None

    async def _send_part(self, file: _File, upload: str, part: int) -> str:
        """Upload one part and return its ETag. Each retry uses a new URL."""
        tries = Tries(self._store)
        data = await asyncio.to_thread(file.read, part)
        while True:
            where = await self._uploads.part_urls(upload, [part])
            try:
                etag = await asyncio.to_thread(put, where.urls[0].url, data)
            except (ApiError, http.client.HTTPException, OSError) as error:
                failure = error if isinstance(error, ApiError) else ApiError("UNAVAILABLE", f"object store: {error}")
                if failure.code != "UNAVAILABLE":
                    raise failure from error
                self._store.answered = self._store.answered or isinstance(error, ApiError)
                await tries.wait(failure)
            else:
                self._store.answered = True
                return etag


@dataclass(frozen=True, slots=True)
class _File:
    """A file cut into parts of one size, the last one shorter."""

    path: Path
    size: int
    part_size: int

    @property
    def parts(self) -> int:
        return max(1, math.ceil(self.size / self.part_size))

    def bytes_of(self, parts: Mapping[int, str]) -> int:
        return sum(min(self.part_size, self.size - (part - 1) * self.part_size) for part in parts)

    def read(self, part: int) -> bytes:
        with self.path.open("rb") as file:
            file.seek((part - 1) * self.part_size)
            return file.read(self.part_size)


def put(url: str, data: bytes) -> str:
    """PUT a part and return its ETag. Raises ApiError if the store refuses it, OSError if it cannot be reached."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=TIMEOUT)
    try:
        connection.request("PUT", f"{parts.path}?{parts.query}", data)
        answer = connection.getresponse()
        answer.read()
    finally:
        connection.close()
    etag = answer.getheader("ETag")
    if answer.status == 200 and etag:
        return etag
    code = "UNAVAILABLE" if answer.status >= 500 or answer.status in (408, 429) else "FAILED_PRECONDITION"
    raise ApiError(code, REFUSED.format(status=answer.status))

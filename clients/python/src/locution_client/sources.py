"""What an upload sends: a file, or a stream that can be read only once."""

from __future__ import annotations

import asyncio
import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from locution_client.labels import label

CHUNK = 160 * 1024
"""Bytes in one message. The server accepts up to 1 MiB and holds several messages in memory."""

QUIET = 20.0
"""Seconds without bytes from a stream after which its upload pauses; the server ends an idle upload after 60 s."""

STDIN: Final = Path("/dev/stdin")


class Source(ABC):
    """Bytes to upload. `size` is None when only the end of the bytes shows it."""

    def __init__(self, name: str, size: int | None) -> None:
        self.label = label(name)
        self.size = size
        self.failure: OSError | None = None

    async def wait(self) -> None:  # noqa: B027 (a file needs none)
        """Return when `read` has something to give."""

    async def next(self, offset: int) -> bytes | None:
        """Read; return None after an error and keep it as `failure`, because gRPC hides what an iterator raises."""
        try:
            return await self.read(offset)
        except OSError as error:
            self.failure = error
            return None

    @abstractmethod
    async def read(self, offset: int) -> bytes | None:
        """Return the next bytes from an offset, b"" at the end, or None if none come for now. Raises OSError."""

    @abstractmethod
    async def sha256(self) -> str:
        """Return the SHA-256 of all bytes."""

    def stored(self, offset: int) -> None:  # noqa: B027 (a file needs none)
        """Forget the bytes below an offset: no `read` asks for them again."""

    def interrupt(self) -> None:  # noqa: B027 (a file needs none)
        """End a `read` that waits."""


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """Open a file, a named pipe, a device or STDIN. Raises OSError."""
    if path != STDIN and path.is_file():
        with path.open("rb") as file:
            yield File(file, path.name)
        return
    # Without O_NONBLOCK, opening a named pipe waits until somebody writes to it, and nothing can interrupt that.
    descriptor = os.dup(0) if path == STDIN else os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield Stream(descriptor, path.name)
    finally:
        os.close(descriptor)


class File(Source):
    """A file that is read once, or again from the server's offset after a break.

    A file without a `known` SHA-256 is hashed on the first read.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        super().__init__(name, os.fstat(file.fileno()).st_size)
        self._file = file
        self.known = ""
        self._digest = hashlib.sha256()
        self._digested = 0

    async def measure(self) -> str:
        """Hash the file before anything is sent, and return its SHA-256."""
        self.known = await self.sha256()
        self.size = self._digested
        return self.known

    async def read(self, offset: int) -> bytes:
        """Read the next chunk."""
        return await asyncio.to_thread(self._read, offset)

    async def sha256(self) -> str:
        """Return the SHA-256 of all bytes; read those that were not read before."""
        return self.known or await asyncio.to_thread(self._rest)

    def _read(self, offset: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(CHUNK)
        if not self.known and offset <= self._digested < offset + len(data):
            self._digest.update(data[self._digested - offset :])
            self._digested = offset + len(data)
        return data

    def _rest(self) -> str:
        while self._read(self._digested):
            pass
        return self._digest.hexdigest()


class Stream(Source):
    """A pipe or a device. It keeps the bytes that the server may not have stored yet."""

    def __init__(self, descriptor: int, name: str) -> None:
        super().__init__(name, None)
        self._descriptor = descriptor
        self._kept = bytearray()
        self._forgotten = 0
        self._ended = False
        self._digest = hashlib.sha256()
        self._wake = asyncio.Event()
        self._interrupted = False

    async def wait(self) -> None:
        """Wait for bytes or for the end, however long they take."""
        self._interrupted = False
        if not self._ended:
            await self._readable(None)

    async def read(self, offset: int) -> bytes | None:
        """Return kept bytes, else those that come within QUIET seconds."""
        while offset == self._forgotten + len(self._kept) and not self._ended:
            if not await self._readable(QUIET):
                return None
            self._take()
        at = offset - self._forgotten
        return bytes(self._kept[at : at + CHUNK])

    async def sha256(self) -> str:
        """Return the SHA-256 of the bytes that were read."""
        return self._digest.hexdigest()

    def stored(self, offset: int) -> None:
        """Free the memory of bytes that the server has."""
        del self._kept[: offset - self._forgotten]
        self._forgotten = offset

    def interrupt(self) -> None:
        """Wake a `read` that waits for bytes."""
        self._interrupted = True
        self._wake.set()

    def _take(self) -> None:
        try:
            data = os.read(self._descriptor, CHUNK)
        except BlockingIOError:  # another process read them first
            return
        self._ended = not data
        self._digest.update(data)
        self._kept += data

    async def _readable(self, patience: float | None) -> bool:
        """Wait for bytes or for the end, and tell whether they came."""
        if self._interrupted:
            return False
        loop = asyncio.get_running_loop()
        self._wake.clear()
        try:
            loop.add_reader(self._descriptor, self._wake.set)
        except PermissionError:  # a file or a device that the loop cannot watch: reading it does not block
            return True
        try:
            async with asyncio.timeout(patience):
                await self._wake.wait()
        except TimeoutError:
            return False
        finally:
            loop.remove_reader(self._descriptor)
        return not self._interrupted

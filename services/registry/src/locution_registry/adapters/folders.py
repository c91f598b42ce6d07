"""Reads the folders below the models root in its own threads."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, TypeVar

from ..domain.errors import ModelLayoutInvalid
from ..domain.models import Inspection, ModelFile, ModelPath, Stamp
from . import tree
from .layouts import recognise

T = TypeVar("T")

BLOCK_BYTES: Final = 1024 * 1024
"""Bytes of a file held in memory at once while it is hashed."""

_QUICK_THREADS: Final = 4


class AbandonedError(Exception):
    """The caller no longer waits for this read."""


class LocalFolders:
    """Read models from a mounted file system. Long reads have their own threads, so quick checks never wait."""

    def __init__(self, root: Path, quick: ThreadPoolExecutor, long: ThreadPoolExecutor) -> None:
        self._root = root
        self._quick = quick
        self._long = long

    async def inspect(self, path: ModelPath) -> Inspection:
        """Recognise the layout before hashing, so that a wrong folder is refused at once."""
        return await self._in_thread(self._long, lambda abandoned: self._inspect(path, abandoned))

    async def digest(self, path: ModelPath) -> tuple[ModelFile, ...]:
        """Read every file, BLOCK_BYTES at a time."""
        return await self._in_thread(self._long, lambda abandoned: self._digest(path, abandoned))

    async def stamps(self, path: ModelPath) -> Mapping[str, Stamp]:
        """List sizes and times."""
        return await self._in_thread(self._quick, lambda _: self._stamps(path))

    async def probe(self) -> None:
        """List the root."""
        await self._in_thread(self._quick, lambda _: tree.check_root(self._root))

    def _inspect(self, path: ModelPath, abandoned: threading.Event) -> Inspection:
        with _readable(path), tree.opened(self._root, path) as folder:
            return Inspection(recognise(folder), _digest_all(folder, abandoned))

    def _digest(self, path: ModelPath, abandoned: threading.Event) -> tuple[ModelFile, ...]:
        try:
            with _readable(path), tree.opened(self._root, path) as folder:
                return _digest_all(folder, abandoned)
        except tree.FolderMissing:
            return ()

    def _stamps(self, path: ModelPath) -> Mapping[str, Stamp]:
        try:
            with _readable(path), tree.opened(self._root, path) as folder:
                return folder.stamps
        except tree.FolderMissing:
            return {}

    async def _in_thread(self, pool: ThreadPoolExecutor, work: Callable[[threading.Event], T]) -> T:
        abandoned = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work, abandoned)
        finally:
            abandoned.set()


@asynccontextmanager
async def local_folders(root: Path, digest_threads: int) -> AsyncIterator[LocalFolders]:
    """Read folders inside the context. Leaving it aborts and awaits the reads in progress."""
    quick = ThreadPoolExecutor(_QUICK_THREADS, thread_name_prefix="folders")
    long = ThreadPoolExecutor(digest_threads, thread_name_prefix="digests")
    try:
        yield LocalFolders(root, quick, long)
    finally:
        for pool in (quick, long):
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)


@contextmanager
def _readable(path: ModelPath) -> Iterator[None]:
    """Convert errors of the file system inside a model's folder to a refusal of the folder."""
    try:
        yield
    except OSError as error:
        raise ModelLayoutInvalid(f"{path} cannot be read: {error.strerror}") from error


def _digest_all(folder: tree.Folder, abandoned: threading.Event) -> tuple[ModelFile, ...]:
    return tuple(_digest_file(folder, path, stamp, abandoned) for path, stamp in sorted(folder.stamps.items()))


def _digest_file(folder: tree.Folder, path: str, stamp: Stamp, abandoned: threading.Event) -> ModelFile:
    digest, block = hashlib.sha256(), bytearray(BLOCK_BYTES)
    view = memoryview(block)
    with folder.open(path) as file:
        while count := file.readinto(block):
            digest.update(view[:count])
            if abandoned.is_set():
                raise AbandonedError
        if tree.stamp_of(file) != stamp:
            raise ModelLayoutInvalid(f"{path} changed while it was read")
    return ModelFile(path, stamp.size_bytes, digest.hexdigest(), stamp.modified_ns)

"""Open files below the models root without following a link.

Every step opens one name in an open folder with O_NOFOLLOW (openat(2)), so a concurrent link or rename cannot lead
elsewhere. No file is opened for writing.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Final

from ..domain.errors import ModelLayoutInvalid, ModelPathInvalid, ModelsRootUnavailable
from ..domain.models import ModelPath, Stamp

MAX_ENTRIES: Final = 256
MAX_DEPTH: Final = 8

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class FolderMissing(ModelPathInvalid):
    """The folder does not exist."""


@dataclass(frozen=True, slots=True)
class Folder:
    """An open model folder and the stamps of its files by path, without hidden entries."""

    descriptor: int
    stamps: Mapping[str, Stamp]

    @contextmanager
    def open(self, path: str) -> Iterator[FileIO]:
        """Open one of its files. Raises ModelLayoutInvalid if it cannot be read."""
        *folders, name = path.split("/")
        with ExitStack() as stack:
            try:
                parent = self.descriptor
                for folder in folders:
                    parent = _opened(stack, folder, _FOLDER | os.O_NOFOLLOW, parent)
                file = stack.enter_context(FileIO(os.open(name, _FILE, dir_fd=parent)))
            except OSError as error:
                raise ModelLayoutInvalid(f"{path} cannot be read: {error.strerror}") from error
            yield file

    def read(self, path: str, limit: int) -> bytes:
        """Return the content of a file. Raises ModelLayoutInvalid if it is absent or larger than `limit` bytes."""
        if path not in self.stamps:
            raise ModelLayoutInvalid(f"{path} is missing")
        if self.stamps[path].size_bytes > limit:
            raise ModelLayoutInvalid(f"{path} is larger than {limit} bytes")
        with self.open(path) as file:
            return _read_all(file, limit)

    def below(self, folder: str) -> list[str]:
        """Return the paths of the files in a folder and its subfolders."""
        return [path for path in self.stamps if path.startswith(f"{folder}/")]


@contextmanager
def opened(root: Path, path: ModelPath) -> Iterator[Folder]:
    """Open a model's folder and list it.

    Raises ModelsRootUnavailable, FolderMissing, and ModelPathInvalid for a link or a name that is not plain text.
    """
    with ExitStack() as stack:
        descriptor = _open_root(stack, root)
        for name in (path.set, path.model):
            descriptor = _open_step(stack, name, descriptor, path)
        yield Folder(descriptor, dict(_walk(descriptor, "", 0, iter(range(MAX_ENTRIES)))))


def check_root(root: Path) -> None:
    """Check that the root can be listed. Raises ModelsRootUnavailable."""
    with ExitStack() as stack:
        descriptor = _open_root(stack, root)
        try:
            with os.scandir(descriptor) as entries:
                next(entries, None)
        except OSError as error:
            raise ModelsRootUnavailable from error


def stamp_of(file: FileIO) -> Stamp:
    """Return the stamp of an open file."""
    return _stamp(os.fstat(file.fileno()))


def _open_root(stack: ExitStack, root: Path) -> int:
    try:
        return _opened(stack, os.fspath(root), _FOLDER, None)
    except OSError as error:
        raise ModelsRootUnavailable from error


def _open_step(stack: ExitStack, name: str, parent: int, path: ModelPath) -> int:
    try:
        return _opened(stack, name, _FOLDER | os.O_NOFOLLOW, parent)
    except FileNotFoundError:
        raise FolderMissing(f"there is no folder {path} below the models root") from None
    except PermissionError:
        raise ModelPathInvalid(f"the registry may not read the folder {path}") from None
    except OSError:
        raise ModelPathInvalid(f"{path} is not a folder in a folder, or is reached by a link") from None


def _opened(stack: ExitStack, name: str, flags: int, parent: int | None) -> int:
    descriptor = os.open(name, flags, dir_fd=parent)
    stack.callback(os.close, descriptor)
    return descriptor


def _walk(descriptor: int, prefix: str, depth: int, budget: Iterator[int]) -> Iterator[tuple[str, Stamp]]:
    """Yield the files of an open folder in the order of their names; each entry uses one unit of the budget."""
    if depth > MAX_DEPTH:
        raise ModelLayoutInvalid(f"{prefix} lies more than {MAX_DEPTH} folders deep")
    for name in sorted(name for name in os.listdir(descriptor) if not name.startswith(".")):
        if next(budget, None) is None:
            raise ModelLayoutInvalid(f"there are more than {MAX_ENTRIES} files and folders in it")
        yield from _entry(descriptor, name, f"{prefix}{name}", depth, budget)


def _entry(descriptor: int, name: str, path: str, depth: int, budget: Iterator[int]) -> Iterator[tuple[str, Stamp]]:
    if not name.isprintable() or "\\" in name:
        raise ModelPathInvalid(f"the name {path!a} is not plain text")
    status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    if stat.S_ISREG(status.st_mode):
        yield path, _stamp(status)
    elif stat.S_ISDIR(status.st_mode):
        with ExitStack() as stack:
            inner = _opened(stack, name, _FOLDER | os.O_NOFOLLOW, descriptor)
            yield from _walk(inner, f"{path}/", depth + 1, budget)
    else:
        kind = "a link" if stat.S_ISLNK(status.st_mode) else "no regular file"
        raise ModelPathInvalid(f"{path} is {kind}; a model's folder holds plain files and folders alone")


def _stamp(status: os.stat_result) -> Stamp:
    return Stamp(status.st_size, status.st_mtime_ns)


def _read_all(file: FileIO, limit: int) -> bytes:
    content = bytearray()
    while len(content) <= limit and (block := file.read(limit + 1 - len(content))):
        content += block
    return bytes(content[:limit])

"""Feed FFmpeg from an unnamed descriptor; standard library only."""

from __future__ import annotations

import errno
import os
from typing import Final

from . import ogg, probe

_TAIL_BYTES: Final = 1 << 17


class PipeReader:
    """Reads a pipe of `size` bytes, if known, front to back; keeps the first bytes in `head`."""

    def __init__(self, descriptor: int, head_bytes: int = probe.HEAD_BYTES, size: int | None = None) -> None:
        self._descriptor = descriptor
        self.size = size
        self.total = 0
        self.at_end = False
        self.head = self.tail = b""
        while len(self.head) < head_bytes and (data := self._take(head_bytes - len(self.head))):
            self.head += data
        self._pending = self.head

    def next_part(self) -> bool:
        """Go on to the file behind this one; tell whether there is one."""
        return False

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, empty at the end."""
        if self._pending:
            data, self._pending = self._pending[:size], self._pending[size:]
            return data
        return self._take(size)

    def _peek(self, size: int) -> bytes:
        """Return the next bytes without taking them; fewer at the end."""
        while len(self._pending) < size and (data := self._take(size - len(self._pending))):
            self._pending += data
        return self._pending[:size]

    def _take(self, size: int) -> bytes:
        data = os.read(self._descriptor, size)
        self.total += len(data)
        self.at_end = not data
        return data


class FileReader:
    """Reads and seeks in an unnamed file, in one link of a chained Ogg at a time."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.head = os.pread(descriptor, probe.HEAD_BYTES, 0)
        self.size = self.total = os.lseek(descriptor, 0, os.SEEK_END)
        self.tail = os.pread(descriptor, _TAIL_BYTES, max(0, self.total - _TAIL_BYTES))
        self.at_end = True
        starts = ogg.links(descriptor, self.total) if self.head.startswith(b"OggS") else [0]
        self._parts = list(zip(starts, [*starts[1:], self.total], strict=True))
        self._start, self._end = self._parts.pop(0)
        os.lseek(descriptor, 0, os.SEEK_SET)

    def next_part(self) -> bool:
        """Go on to the link behind this one; tell whether there is one."""
        if not self._parts:
            return False
        self._start, self._end = self._parts.pop(0)
        self.head = os.pread(self._descriptor, probe.HEAD_BYTES, self._start)
        os.lseek(self._descriptor, self._start, os.SEEK_SET)
        return True

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, empty at the end of the part."""
        left = self._end - os.lseek(self._descriptor, 0, os.SEEK_CUR)
        return os.read(self._descriptor, min(size, left)) if left > 0 else b""

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position in the part and return it; return a negative errno for a position that no file has.

        Damaged media makes FFmpeg try such positions and recover. PyAV would raise an exception of this method later.
        """
        origin = {os.SEEK_SET: self._start, os.SEEK_END: self._end}.get(whence)
        try:
            if origin is None:
                return os.lseek(self._descriptor, offset, whence) - self._start
            return -errno.EINVAL if offset + origin < self._start else self._moved(offset + origin)
        except (OSError, OverflowError):
            return -errno.EINVAL

    def _moved(self, position: int) -> int:
        return os.lseek(self._descriptor, position, os.SEEK_SET) - self._start

    def tell(self) -> int:
        """Return the position in the part."""
        return os.lseek(self._descriptor, 0, os.SEEK_CUR) - self._start


Reader = PipeReader | FileReader

"""Feed FFmpeg from an unnamed descriptor; standard library only."""

from __future__ import annotations

import errno
import os
from typing import Final

from . import probe

_TAIL_BYTES: Final = 1 << 17


class PipeReader:
    """Reads a pipe of `size` bytes, if known, front to back; keeps the first bytes (`head`) and the last (`tail`)."""

    def __init__(self, descriptor: int, head_bytes: int = probe.HEAD_BYTES, size: int | None = None) -> None:
        self._descriptor = descriptor
        self.size = size
        self.total = 0
        self.at_end = False
        self.head = self.tail = b""
        self._keep_tail = False
        while len(self.head) < head_bytes and (data := self._take(head_bytes - len(self.head))):
            self.head += data
        self._pending = self.head
        self._keep_tail = self.head.startswith(b"OggS")
        self.tail = self.head if self._keep_tail else b""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, empty at the end."""
        if self._pending:
            data, self._pending = self._pending[:size], self._pending[size:]
            return data
        return self._take(size)

    def _take(self, size: int) -> bytes:
        data = os.read(self._descriptor, size)
        self.total += len(data)
        self.at_end = not data
        if self._keep_tail:
            self.tail = (self.tail + data)[-_TAIL_BYTES:]
        return data


class FileReader:
    """Reads and seeks in an unnamed file."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.head = os.pread(descriptor, probe.HEAD_BYTES, 0)
        self.size = self.total = os.lseek(descriptor, 0, os.SEEK_END)
        self.tail = os.pread(descriptor, _TAIL_BYTES, max(0, self.total - _TAIL_BYTES))
        self.at_end = True
        os.lseek(descriptor, 0, os.SEEK_SET)

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, empty at the end."""
        return os.read(self._descriptor, size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move to a position and return it; return a negative errno for a position that no file has.

        Damaged media makes FFmpeg try such positions and recover. PyAV would raise an exception of this method later.
        """
        try:
            return os.lseek(self._descriptor, offset, whence)
        except (OSError, OverflowError):
            return -errno.EINVAL

    def tell(self) -> int:
        """Return the position."""
        return os.lseek(self._descriptor, 0, os.SEEK_CUR)


Reader = PipeReader | FileReader

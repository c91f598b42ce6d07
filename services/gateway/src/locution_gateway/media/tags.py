"""Read frames of MPEG audio without the tags between them; standard library only."""

from __future__ import annotations

import re
from typing import Final

from .reading import PipeReader

# ID3v2 (id3.org, "ID3 tag version 2.4.0", 3.1): version, flags, and a length of four times seven bits.
_TAG: Final = re.compile(rb"ID3[\x02-\x04].[\x00-\xff]([\x00-\x7f]{4})", re.DOTALL)
_HEADER: Final = 10
_FOOTER: Final = 0x10
_FRAME: Final = 256


class TaggedReader(PipeReader):
    """Reads a pipe of frames. Tags behind the first frame, where files were joined, are skipped.

    `frame` holds the first bytes behind the tags at the front.
    """

    def __init__(self, descriptor: int, size: int | None = None, *, begun: PipeReader) -> None:
        super().__init__(descriptor, 0, size)
        self.head, self._pending, self.total = begun.head, begun.head, begun.total
        self.frame = b""
        self._front = _tag_bytes(self.head)
        self._held = self._ready = b""
        self._skip = 0
        self._ended = False

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, empty at the end."""
        while not self._ready and not self._ended:
            self._ready = self._next(size)
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _next(self, size: int) -> bytes:
        data = super().read(size)
        self._ended = not data
        front, data = data[: self._front], data[self._front :]
        self._front -= len(front)
        if self._front:
            return front
        found = self._without_tags(self._held + data, last=self._ended)
        if len(self.frame) < _FRAME:
            self.frame += found[: _FRAME - len(self.frame)]
        return front + found

    def _without_tags(self, data: bytes, *, last: bool) -> bytes:
        """Return what is surely no tag; the rest is held."""
        found = b""
        while True:
            data, self._skip = data[self._skip :], max(0, self._skip - len(data))
            tag = _TAG.search(data)
            if tag is None:
                break
            found += data[: tag.start()]
            data, self._skip = data[tag.start() :], _tag_bytes(tag[0])
        keep = 0 if last else min(len(data), _HEADER - 1)
        self._held = data[len(data) - keep :]
        return found + data[: len(data) - keep]


def _tag_bytes(data: bytes) -> int:
    """Return the length of the tag at the front, with its header and footer; 0 without one."""
    tag = _TAG.match(data)
    if tag is None:
        return 0
    length = int.from_bytes(tag[1], "big")
    length = sum((length >> 8 * place & 0x7F) << 7 * place for place in range(4))
    return length + _HEADER + (_HEADER if data[5] & _FOOTER else 0)

"""Read FLAC files that lie one behind the other; standard library only."""

from __future__ import annotations

import re
from typing import Final

from .reading import PipeReader

# The marker and the header of STREAMINFO (RFC 9639, 8.1 and 8.2): the first block, perhaps the last, of 34 bytes.
_BEGINS: Final = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22")
_HEADER: Final = 8


def is_flac(head: bytes) -> bool:
    """Tell whether bytes begin a FLAC file."""
    return _BEGINS.match(head) is not None


class FlacReader(PipeReader):
    """Reads the parts of a pipe that are FLAC files each."""

    def __init__(self, descriptor: int, size: int | None = None, *, begun: PipeReader) -> None:
        super().__init__(descriptor, 0, size)
        self.head, self._pending, self.total = begun.head, begun.head, begun.total
        self._scanned = 1

    def next_part(self) -> bool:
        """Go on to the file behind this one; tell whether there is one."""
        if not is_flac(self._peek(_HEADER)):
            return False
        self._scanned = 1
        return True

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, empty at the end of the part."""
        held = self._peek(size + _HEADER)
        found = _BEGINS.search(held, self._scanned)
        ready = min(size, found.start() if found else len(held))
        self._pending = self._pending[ready:]
        self._scanned = 0 if ready else self._scanned
        return held[:ready]

"""Read RIFF/WAVE as long as it is, whatever its header states; standard library only.

Who writes to a pipe cannot go back to state the length, and 32 bits do not hold more than 4 GiB. So FFmpeg is told that
the length is unknown, and this reader ends the samples: at the stated end if chunks or nothing follow there, else at
the end of the file. A second file behind the first is a part of its own.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final

from .reading import PipeReader

_UNKNOWN: Final = 0xFFFF_FFFF
_WRAP: Final = 1 << 32
_PIECE: Final = 1 << 16
_PEEK: Final = 13
_FORMS: Final = (b"RIFF", b"RF64", b"BW64")
# Lengths of unknown data, rounded down to frames and without headers: 0 of many, 2^31 of sox, arecord and FreeSWITCH,
# 2^32 of ffmpeg.
_PLACEHOLDERS: Final = (range(1), range(0x7FFF_E000, 0x8000_1000), range(0xFFFF_E000, _WRAP))
_CHUNKS: Final = frozenset(
    [
        *(b"LIST", b"INFO", b"id3 ", b"ID3 ", b"bext", b"iXML", b"aXML", b"axml", b"chna", b"cue ", b"smpl", b"inst"),
        *(b"fact", b"JUNK", b"junk", b"PAD ", b"FLLR", b"plst", b"labl", b"ltxt", b"note", b"acid", b"strc", b"DISP"),
        *(b"_PMX", b"afsp", b"PEAK", b"levl", b"cart", b"umid", b"minf", b"elm1", b"regn", b"SAUR", b"link", b"ds64"),
        *(b"LGWV", b"fmt ", b"SyLp", b"Cr8r", b"olym", b"MARK", b"slnt", b"data"),
    ]
)


def is_wave(head: bytes) -> bool:
    """Tell whether bytes begin a RIFF/WAVE, RF64 or BW64."""
    return head[:4] in _FORMS and head[8:12] == b"WAVE"


class WaveReader(PipeReader):
    """Reads the parts of a pipe that are RIFF/WAVE each; `is_cut` tells whether the last one is shorter than stated."""

    def __init__(self, descriptor: int, size: int | None = None, *, begun: PipeReader) -> None:
        super().__init__(descriptor, 0, size)
        self.head, self._pending, self.total = begun.head, begun.head, begun.total
        self.is_cut = self.follows = False
        self._ready = b""
        self._pieces = self._part()

    def next_part(self) -> bool:
        """Go on to the file behind this one; tell whether there is one."""
        if not self.follows:
            return False
        self.follows = False
        self._pieces = self._part()
        return True

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes, empty at the end of the part."""
        while not self._ready and (piece := next(self._pieces, None)) is not None:
            self._ready = piece
        data, self._ready = self._ready[:size], self._ready[size:]
        return data

    def _part(self) -> Iterator[bytes]:
        """Give the chunks before the samples, then the samples."""
        yield b"RIFF" + self._exactly(12)[4:]
        large = None
        while len(header := self._exactly(8)) == 8:
            name, size = struct.unpack("<4sI", header)
            if name == b"data":
                yield name + struct.pack("<I", _UNKNOWN)
                yield from self._samples(_stated(size, large))
                return
            yield header
            body = self._piecewise(size + (size & 1))
            if name == b"ds64":
                yield (first := next(body, b""))
                large = struct.unpack_from("<Q", first, 8)[0] if len(first) >= 16 else None
            yield from body

    def _samples(self, stated: int | None) -> Iterator[bytes]:
        """Give the samples up to where they end."""
        if stated is None:
            yield from self._piecewise(1 << 62)
            return
        left, is_first = stated, True
        while True:
            for piece in self._piecewise(left):
                left -= len(piece)
                yield piece
            if left:
                self.is_cut = is_first
                return
            behind = self._peek(_PEEK)
            at = self._chunk_at(behind, stated & 1)
            if not behind:
                return
            if at is not None:
                self._exactly(at)
                again = self._skip_chunks()
                if again is None:
                    return
                stated, left, is_first = again, again, True
            else:
                left, is_first = _WRAP, False

    def _skip_chunks(self) -> int | None:
        """Skip chunks up to more samples, and return how many bytes these have, or up to another file or the end."""
        while len(header := self._peek(12)) >= 8:
            name, size = struct.unpack_from("<4sI", header)
            if is_wave(header):
                self.follows = True
                return None
            self._exactly(8)
            if name == b"data":
                return _stated(size, None) or 1 << 62
            for _ in self._piecewise(size + (size & 1)):
                pass
        return None

    def _chunk_at(self, behind: bytes, odd: int) -> int | None:
        """Return where behind the samples a chunk begins: after the padding of an odd length, if that was written."""
        return next((at for at in (odd, 0) if self._is_chunk(behind[at:], at)), None)

    def _is_chunk(self, data: bytes, at: int) -> bool:
        if is_wave(data) or data[:4] in _CHUNKS:
            return True
        if len(data) < 8 or self.size is None or not all(32 <= byte < 127 for byte in data[:4]):
            return False
        place, length = self.total - len(self._pending) + at, struct.unpack_from("<I", data, 4)[0]
        return place + 8 + length in (self.size, self.size - 1)

    def _exactly(self, size: int) -> bytes:
        data = self._peek(size)
        self._pending = self._pending[size:]
        return data

    def _piecewise(self, size: int) -> Iterator[bytes]:
        while size and (data := super().read(min(size, _PIECE))):
            size -= len(data)
            yield data


def _stated(size: int, large: int | None) -> int | None:
    """Return the stated length of the samples, or None for a placeholder."""
    if size == _UNKNOWN and large is not None:
        size = large
    return None if any(size in placeholder for placeholder in _PLACEHOLDERS) else size

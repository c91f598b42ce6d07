"""Parse a CTranslate2 model.bin: its header and the table of its variables, never their values.

Little-endian, as in CTranslate2's `src/models/model.cc`. A string is a 16-bit length, which includes its zero byte, and
the bytes. The file is

    u32 version (4 to 6) · string spec · u32 revision
    u32 count · count x (string name · u8 rank · rank x u32 dimension · u8 type · u32 bytes · the bytes)
    u32 count · count x (string alias · string name)
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from typing import Final

from ...domain.errors import ModelLayoutInvalid

VERSIONS: Final = range(4, 7)

_MAX_ENTRIES: Final = 100_000
_MAX_RANK: Final = 8


@dataclass(frozen=True, slots=True)
class Header:
    """The specification of a model.bin and the shape of each variable."""

    spec: str
    shapes: Mapping[str, tuple[int, ...]]


def read_header(file: FileIO, size: int) -> Header:
    """Return the header of a model.bin of `size` bytes. Raises ModelLayoutInvalid if it is invalid or truncated."""
    walk = _Walk(file, size)
    version = walk.u32()
    if version not in VERSIONS:
        raise ModelLayoutInvalid("model.bin is no CTranslate2 model of binary version 4 to 6")
    spec = walk.string()
    walk.u32()
    shapes = dict(walk.variable() for _ in range(walk.count()))
    for alias, name in list(walk.aliases()):
        if name in shapes:
            shapes[alias] = shapes[name]
    if walk.position != size:
        raise ModelLayoutInvalid("model.bin goes on after its last variable")
    return Header(spec, shapes)


class _Walk:
    """Reads forward through the file and skips values."""

    def __init__(self, file: FileIO, size: int) -> None:
        self._file = file
        self._size = size
        self.position = 0

    def u32(self) -> int:
        return int(struct.unpack("<I", self._take(4))[0])

    def string(self) -> str:
        length = int(struct.unpack("<H", self._take(2))[0])
        try:
            return self._take(length).rstrip(b"\0").decode("utf-8")
        except UnicodeDecodeError:
            raise ModelLayoutInvalid("model.bin has a name that is no text") from None

    def count(self) -> int:
        count = self.u32()
        if count > _MAX_ENTRIES:
            raise ModelLayoutInvalid(f"model.bin claims {count} entries")
        return count

    def variable(self) -> tuple[str, tuple[int, ...]]:
        name, rank = self.string(), self._take(1)[0]
        if rank > _MAX_RANK:
            raise ModelLayoutInvalid(f"model.bin has a variable of {rank} dimensions")
        shape = tuple(self.u32() for _ in range(rank))
        self._take(1)
        self._skip(self.u32())
        return name, shape

    def aliases(self) -> Iterator[tuple[str, str]]:
        for _ in range(self.count()):
            yield self.string(), self.string()

    def _take(self, count: int) -> bytes:
        taken = self._file.read(count) or b""
        if len(taken) != count:
            raise ModelLayoutInvalid("model.bin is cut short")
        self.position += count
        return taken

    def _skip(self, count: int) -> None:
        if self.position + count > self._size:
            raise ModelLayoutInvalid("model.bin is cut short")
        self.position = self._file.seek(count, 1)

"""Where the parts of a media file lie: chunks, boxes, elements, pages, blocks and frames, whatever the container."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from locution_gateway.media import probe

MOST = 400
"""Parts of a file that are found; a file of many frames has more."""

BOXES = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"dinf", b"edts", b"udta", b"moof", b"traf", b"mvex", b"wave"}
ELEMENTS = {
    0x18538067,
    0x1549A966,
    0x1654AE6B,
    0xAE,
    0xE1,
    0x1F43B675,
    0xA0,
    0x1C53BB6B,
    0xBB,
    0xB7,
    0x114D9B74,
    0x4DBB,
}


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes [start, end), whose content begins at `body`; `width` bytes at `size_at` state its size, if any."""

    name: str
    start: int
    body: int
    end: int
    size_at: int = 0
    width: int = 0
    little: bool = False

    @property
    def order(self) -> str:
        return "little" if self.little else "big"


def parts(data: bytes) -> list[Part]:
    """Find the parts of a file; one part if its container is unknown."""
    walk = next((each for magic, offset, each in WALKS if data.startswith(magic, offset)), None)
    found = []
    for part in walk(data) if walk else frames(data):
        found.append(part)
        if len(found) == MOST:
            break
    return found or [Part("file", 0, 0, len(data))]


def _chunks(data: bytes, at: int, end: int, width: int, little: bool) -> Iterator[Part]:
    """Walk named chunks: RIFF, IFF and CAF."""
    while at + 4 + width <= end:
        name, body = data[at : at + 4], at + 4 + width
        size = int.from_bytes(data[at + 4 : body], "little" if little else "big")
        stop = min(body + size, end)
        yield Part(name.decode("latin-1"), at, body, stop, at + 4, width, little)
        if name == b"LIST":
            yield from _chunks(data, body + 4, stop, width, little)
        at = stop + (size & 1 if width == 4 else 0)


def riff(data: bytes) -> Iterator[Part]:
    little = not data.startswith((b"FORM", b"RIFX"))
    yield Part("RIFF", 0, 12, len(data), 4, 4, little)
    yield from _chunks(data, 12, len(data), 4, little)


def caf(data: bytes) -> Iterator[Part]:
    yield Part("file", 4, 8, 8)
    yield from _chunks(data, 8, len(data), 8, little=False)


def w64(data: bytes) -> Iterator[Part]:
    at = 40
    yield Part("riff", 0, 24, len(data), 16, 8, little=True)
    while at + 24 <= len(data):
        size = max(24, int.from_bytes(data[at + 16 : at + 24], "little"))
        yield Part(data[at : at + 4].decode("latin-1"), at, at + 24, min(at + size, len(data)), at + 16, 8, little=True)
        at += size + 7 & ~7


def boxes(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Part]:
    end = len(data) if end is None else end
    while at + 8 <= end:
        size, name = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        stop = min(at + size, end) if size >= 8 else end
        yield Part(name.decode("latin-1"), at, at + 8, stop, at, 4)
        if name in BOXES:
            yield from boxes(data, at + 8, stop)
        elif name == b"stsd":
            yield from boxes(data, at + 16, stop)
        elif name in (b"mp4a", b"alac", b"sowt", b"samr", b"ima4"):
            yield from boxes(data, at + 36, stop)
        at = stop


def _vint(data: bytes, at: int, *, marked: bool) -> tuple[int, int]:
    """Read a number of EBML; return it and its width, 0 for none."""
    if at >= len(data) or not data[at]:
        return 0, 0
    width = 9 - data[at].bit_length()
    value = int.from_bytes(data[at : at + width], "big")
    return (value if marked else value & (1 << 7 * width) - 1), width


def elements(data: bytes, at: int = 0, end: int | None = None) -> Iterator[Part]:
    end = len(data) if end is None else end
    while at < end:
        name, first = _vint(data, at, marked=True)
        size, second = _vint(data, at + first, marked=False)
        if not first or not second:
            return
        body = at + first + second
        stop = min(body + size, end)
        yield Part(f"{name:x}", at, body, stop, at + first, second)
        if name in ELEMENTS:
            yield from elements(data, body, stop)
        at = stop


def pages(data: bytes) -> Iterator[Part]:
    at = 0
    while data.startswith(b"OggS", at) and at + 27 <= len(data):
        count = data[at + 26]
        body = at + 27 + count
        stop = min(body + sum(data[at + 27 : body]), len(data))
        yield Part("page", at, body, stop, at + 26, 1)
        at = stop


def flac(data: bytes) -> Iterator[Part]:
    at = 4
    while at + 4 <= len(data):
        stop = min(at + 4 + int.from_bytes(data[at + 1 : at + 4], "big"), len(data))
        yield Part(f"block {data[at] & 127}", at, at + 4, stop, at + 1, 3)
        if data[at] & 128:
            break
        at = stop
    at = data.find(b"\xff\xf8", at)
    while at >= 0:
        after = data.find(b"\xff\xf8", at + 16)
        yield Part("frame", at, at + 5, after if after > 0 else len(data))
        at = after


def snd(data: bytes) -> Iterator[Part]:
    yield Part("header", 0, 4, 24, 8, 4)
    yield Part("samples", 24, 24, len(data))


def amr(data: bytes) -> Iterator[Part]:
    sizes, at = (13, 14, 16, 18, 20, 21, 27, 32, 6, 1, 1, 1, 1, 1, 1, 1), 6
    yield Part("magic", 0, 0, 6)
    while at < len(data):
        size = sizes[data[at] >> 3 & 15]
        yield Part("frame", at, at + 1, min(at + size, len(data)))
        at += size


def wavpack(data: bytes) -> Iterator[Part]:
    at = 0
    while data.startswith(b"wvpk", at) and at + 32 <= len(data):
        stop = min(at + 8 + int.from_bytes(data[at + 4 : at + 8], "little"), len(data))
        yield Part("block", at, at + 8, stop, at + 4, 4, little=True)
        yield from _wavpack_blocks(data, at + 32, stop)
        at = stop


def _wavpack_blocks(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 4 <= end:
        wide = data[at] & 0x80
        body = at + (4 if wide else 2)
        stop = min(body + 2 * int.from_bytes(data[at + 1 : body], "little"), end)
        yield Part(f"metadata {data[at] & 63}", at, body, stop, at + 1, body - at - 1, little=True)
        at = stop


def flv(data: bytes) -> Iterator[Part]:
    at = 13
    yield Part("header", 0, 3, 9, 5, 4)
    while at + 11 <= len(data):
        size = int.from_bytes(data[at + 1 : at + 4], "big")
        yield Part("tag", at, at + 11, min(at + 15 + size, len(data)), at + 1, 3)
        at += 15 + size


def id3(data: bytes) -> Iterator[Part]:
    size = 0
    for byte in data[6:10]:
        size = size << 7 | byte & 127
    yield Part("ID3", 0, 10, min(10 + size, len(data)), 6, 4)
    yield from frames(data, 10 + size)


def frames(data: bytes, at: int = 0) -> Iterator[Part]:
    """Walk frames of MPEG audio, ADTS, AC-3, LOAS, GSM or MPEG-TS packets."""
    while at < len(data):
        size = _frame(data, at)
        if size is None:
            return
        yield Part("frame", at, at + 4, min(at + size, len(data)))
        at += size


def _frame(data: bytes, at: int) -> int | None:
    if data[at] == 0x47:
        return 188
    if data[at] >> 4 == 0xD:
        return 33
    readers = (probe.mp3_frame_bytes, probe.adts_frame_bytes, probe.ac3_frame_bytes, probe.loas_frame_bytes)
    return next((size for read in readers if (size := read(data, at))), None)


def packs(data: bytes) -> Iterator[Part]:
    """Walk packs and PES packets of an MPEG program stream."""
    at = 0
    while at >= 0:
        after = data.find(b"\x00\x00\x01", at + 4)
        if data[at + 3] >= 0xB9:
            yield Part(f"{data[at + 3]:x}", at, at + 6, after if after > 0 else len(data), at + 4, 2)
        at = after if after + 4 <= len(data) else -1


def klv(data: bytes) -> Iterator[Part]:
    """Walk the key-length-value triplets of MXF (SMPTE ST 336)."""
    at = 0
    while data.startswith(b"\x06\x0e\x2b\x34", at) and at + 17 <= len(data):
        width = 1 + (data[at + 16] & 127 if data[at + 16] & 128 else 0)
        body = at + 16 + width
        size = int.from_bytes(data[at + 17 : body], "big") if width > 1 else data[at + 16]
        yield Part("klv", at, body, min(body + size, len(data)), body - max(1, width - 1), max(1, width - 1))
        at = body + size


def asf(data: bytes) -> Iterator[Part]:
    """Walk the top-level objects and those of the header."""
    at = 0
    while at + 24 <= len(data):
        size = max(24, int.from_bytes(data[at + 16 : at + 24], "little"))
        yield Part("object", at, at + 24, min(at + size, len(data)), at + 16, 8, little=True)
        at += 30 if at == 0 else size


def dsf(data: bytes) -> Iterator[Part]:
    at = 0
    while at + 12 <= len(data):
        size = max(12, int.from_bytes(data[at + 4 : at + 12], "little"))
        yield Part(data[at : at + 4].decode("latin-1"), at, at + 12, min(at + size, len(data)), at + 4, 8, little=True)
        at += size


def tta(data: bytes) -> Iterator[Part]:
    yield Part("header", 0, 4, 22, 14, 4, little=True)
    yield Part("table", 22, 22, 30, 22, 4, little=True)
    yield Part("frames", 30, 30, len(data))


def ape(data: bytes) -> Iterator[Part]:
    yield Part("descriptor", 0, 8, 52, 12, 4, little=True)
    yield Part("header", 52, 52, 76, 64, 4, little=True)
    yield Part("table", 76, 76, 84, 76, 4, little=True)
    yield Part("frames", 84, 84, len(data))


WALKS: tuple[tuple[bytes, int, Callable[[bytes], Iterator[Part]]], ...] = (
    (b"RIFF", 0, riff),
    (b"RIFX", 0, riff),
    (b"FORM", 0, riff),
    (b"caff", 0, caf),
    (b"riff", 0, w64),
    (b"\x1a\x45\xdf\xa3", 0, elements),
    (b"OggS", 0, pages),
    (b"fLaC", 0, flac),
    (b".snd", 0, snd),
    (b"#!AMR", 0, amr),
    (b"wvpk", 0, wavpack),
    (b"FLV", 0, flv),
    (b"ID3", 0, id3),
    (b"\x00\x00\x01\xba", 0, packs),
    (b"\x06\x0e\x2b\x34", 0, klv),
    (b"\x30\x26\xb2\x75", 0, asf),
    (b"DSD ", 0, dsf),
    (b"TTA1", 0, tta),
    (b"MAC ", 0, ape),
    (b"ftyp", 4, boxes),
    (b"moov", 4, boxes),
    (b"mdat", 4, boxes),
)

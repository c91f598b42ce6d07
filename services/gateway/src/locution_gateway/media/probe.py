"""Inspect the first bytes of media: what it claims to be, whether it must be seekable, where it states its end.

Names and suffixes are not used. Nothing here accepts media: FFmpeg opens it. This only chooses the way of reading,
confirms containers without a magic number, and names the reason of a refusal.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from enum import Enum, auto
from typing import Final

HEAD_BYTES: Final = 1 << 16
LIVE_HEAD_BYTES: Final = 64
FRAME_HEAD_BYTES: Final = 16
RAW_FRAMES: Final = ("mp3", "aac", "loas", "ac3", "eac3")
"""Containers that are frames of one codec and nothing else."""

PACK: Final = b"\x00\x00\x01\xba"
_CONTAINER_MAGIC: Final[tuple[tuple[int, bytes], ...]] = (
    (0, b"RIFF"), (0, b"RIFX"), (0, b"RF64"), (0, b"BW64"), (0, b"riff\x2e\x91\xcf\x11"), (0, b"fLaC"), (0, b"OggS"),
    (0, b"ID3"), (0, b"\x1a\x45\xdf\xa3"), (0, b"FORM"), (0, b".snd"), (0, b"caff"), (0, b"#!AMR"), (0, b"wvpk"),
    (0, b"\x30\x26\xb2\x75"), (0, b"FLV\x01"), (4, b"ftyp"), (4, b"moov"), (4, b"mdat"), (4, b"wide"), (4, b"free"),
    (4, b"skip"), (4, b"moof"), (0, PACK), (0, b"\x06\x0e\x2b\x34"),
)  # fmt: skip
_DTS_MAGIC: Final = (b"\x7f\xfe\x80\x01", b"\xfe\x7f\x01\x80", b"\x1f\xff\xe8\x00", b"\xff\x1f\x00\xe8")
# Words that text may begin with, too.
_WORD_MAGIC: Final = (b"TTA1", b"MAC ", b"DSD ", b"tBaK", b"MP+", b"MPCK", *_DTS_MAGIC)
# Sound that is not decoded: its decoder is missing in FFmpeg, or the format is too rare to trust its demuxer.
_UNSUPPORTED_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"#!SILK_V3", "SILK"), (1, b"#!SILK_V3", "SILK"), (0, b"#!iLBC", "iLBC file"), (1, b"dss", "Olympus DSS"),
    (1, b"ds2", "Olympus DSS Pro"), (0, b".RMF", "RealMedia"), (0, b".ra\xfd", "RealAudio"), (0, b"OFR ", "OptimFROG"),
    (0, b"ajkg", "Shorten"), (0, b"FRM8", "DSDIFF"), (0, b"ADIF", "AAC in ADIF"), (0, b"TWIN97", "TwinVQ"),
    (0, b"DTSHDHDR", "DTS-HD file"),
    (0, b"Creative Voice File", "Creative Voice"), (0, b"NIST_1A", "NIST SPHERE"), (0, b"nut/multimedia", "NUT"),
    (0, b".SoX", "SoX"), (0, b"XoS.", "SoX"), (0, b"MThd", "MIDI"), (8, b"QLCM", "QCELP"), (0, b"FWS", "Flash"),
    (0, b"CWS", "Flash"), (0, b"\xb7\xd8\x00\x20\x37\x49\xda\x11", "Windows TV"), (0, b"\x72\xf8\x1f\x4e", "S/PDIF"),
)  # fmt: skip
_IMAGE_MAGIC: Final = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\x00", b"MM\x00*", b"\x00\x00\x01\x00")
_OTHER_MAGIC: Final = (
    b"PK\x03\x04",
    b"%PDF",
    b"\x7fELF",
    b"MZ",
    b"\x1f\x8b",
    b"7z\xbc\xaf",
    b"\xfd7zXZ",
    b"BZh",
    b"Rar!",
)
_MP3_BIT_RATES: Final = {
    (1, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (1, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (1, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (2, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (2, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (2, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_RATES: Final = (44_100, 48_000, 32_000)
_AC3_BIT_RATES: Final = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 512, 576, 640)
_XING_AT: Final = (13, 15, 21, 23, 36, 38)  # behind the header, its checksum if any, and the side information
_MIN_CHAIN: Final = 4
_GSM_FRAME: Final = 33
_TSPACKET: Final = 188


class Kind(Enum):
    """The properties of a head."""

    EMPTY = auto()
    CONTAINER = auto()
    UNSUPPORTED = auto()
    IMAGE = auto()
    TEXT = auto()
    OTHER = auto()
    UNKNOWN = auto()


def kind(head: bytes) -> Kind:
    """Classify the first bytes of a file."""
    if not head:
        return Kind.EMPTY
    if unsupported(head) is not None:
        return Kind.UNSUPPORTED
    if any(head.startswith(magic, offset) for offset, magic in _CONTAINER_MAGIC):
        return Kind.CONTAINER
    if is_text(head):
        return Kind.TEXT
    if head.startswith(_IMAGE_MAGIC):
        return Kind.IMAGE
    if head.startswith(_OTHER_MAGIC):
        return Kind.OTHER
    known = head.startswith(_WORD_MAGIC) or _begins_with_frames(head) or _is_transport_stream(head)
    return Kind.CONTAINER if known else Kind.UNKNOWN


def unsupported(head: bytes) -> str | None:
    """Name a format of sound that is known, but not decoded."""
    name = next((name for offset, magic, name in _UNSUPPORTED_MAGIC if head.startswith(magic, offset)), None)
    return None if name is None or is_text(head) else name


def _begins_with_frames(head: bytes) -> bool:
    """Tell whether bytes begin with frames whose first bytes are too short a mark to be trusted alone."""
    if head.startswith(b"\x0b\x77"):
        return _chain_length(head, 0, ac3_frame_bytes) >= _MIN_CHAIN
    return head.startswith(b"\x56") and _chain_length(head, 0, loas_frame_bytes) >= _MIN_CHAIN


def is_text(head: bytes) -> bool:
    """Tell whether bytes read as text: UTF-16 with a byte order mark, or UTF-8 without control characters."""
    if head.startswith((b"\xff\xfe", b"\xfe\xff")) and len(head) > 3:
        return b"\x00" in head[2:64]
    sample = head[:4096]
    if any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in sample):
        return False
    try:
        sample.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.start >= len(sample) - 3 and len(head) > len(sample)
    return True


def needs_seeking(head: bytes) -> bool:
    """Tell whether a container stores its index or its length after its data, so that a pipe cannot carry it."""
    if head.startswith((b"caff", b"OggS")):
        return True
    if head.startswith(b"FORM"):
        return _first_of(_iff_chunks(head), b"COMM", b"SSND") != b"COMM"
    if kind(head) is Kind.CONTAINER and head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"moof"):
        return _first_of(_boxes(head), b"moov", b"mdat") != b"moov"
    return False


def _first_of(names: Iterator[bytes], *wanted: bytes) -> bytes | None:
    return next((name for name in names if name in wanted), None)


def _boxes(head: bytes) -> Iterator[bytes]:
    """Walk the top-level boxes (ISO/IEC 14496-12, 4.2) whose headers lie in the head."""
    at = 0
    while at + 16 <= len(head):
        size, name = struct.unpack_from(">I4s", head, at)
        yield name
        if size == 1:
            size = struct.unpack_from(">Q", head, at + 8)[0]
        if size < 8:
            return
        at += size


def _iff_chunks(head: bytes) -> Iterator[bytes]:
    at = 12
    while at + 8 <= len(head):
        name, size = struct.unpack_from(">4sI", head, at)
        yield name
        at += 8 + size + (size & 1)


def riff_end(head: bytes) -> int:
    """Return the byte at which a RIFF file states its end, or 0 where its length was never written."""
    size = struct.unpack_from("<I", head, 4)[0] if len(head) >= 8 else 0
    return 0 if size in (0, 0xFFFF_FFFF) else size + 8


def segment_end(head: bytes) -> int | None:
    """Return the byte at which a Matroska segment states its end, or None (RFC 8794, section 4; RFC 9559, 5.1)."""
    header = _vint(head, 4)
    if header is None:
        return None
    at = header[1] + header[0]
    if head[at : at + 4] != b"\x18\x53\x80\x67":
        return None
    size = _vint(head, at + 4)
    return None if size is None else size[1] + size[0]


def _vint(data: bytes, at: int) -> tuple[int, int] | None:
    """Read a variable-size integer; return it with the next position, or None if it means unknown."""
    if at >= len(data) or data[at] == 0:
        return None
    length = 9 - data[at].bit_length()
    if at + length > len(data):
        return None
    value = int.from_bytes(data[at : at + length], "big") & ((1 << 7 * length) - 1)
    return None if value == (1 << 7 * length) - 1 else (value, at + length)


def mp3_frame_bytes(data: bytes, at: int = 0) -> int | None:
    """Return the length of the MPEG audio frame (ISO/IEC 11172-3, 2.4.1.3) at a position, or None."""
    if at + 4 > len(data) or data[at] != 0xFF or data[at + 1] & 0xE0 != 0xE0:
        return None
    version, layer = data[at + 1] >> 3 & 3, 4 - (data[at + 1] >> 1 & 3)
    bit_rate, rate = data[at + 2] >> 4, data[at + 2] >> 2 & 3
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    hertz = _MP3_RATES[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = _MP3_BIT_RATES[1 if version == 3 else 2, layer][bit_rate - 1] * 1000
    padding = data[at + 2] >> 1 & 1
    if layer == 1:
        return (12 * bits // hertz + padding) * 4
    return (72 if layer == 3 and version != 3 else 144) * bits // hertz + padding


def xing_frames(frame: bytes) -> int | None:
    """Return the number of frames that an MP3 states in the Xing, Info or VBRI header of its first frame, or None."""
    if mp3_frame_bytes(frame) is None:
        return None
    if frame[36:40] == b"VBRI" and len(frame) >= 54:
        return int.from_bytes(frame[50:54], "big")
    for at in _XING_AT:
        if frame[at : at + 4] in (b"Xing", b"Info") and len(frame) >= at + 12 and frame[at + 7] & 1:
            return int.from_bytes(frame[at + 8 : at + 12], "big")
    return None


def adts_frame_bytes(data: bytes, at: int = 0) -> int | None:
    """Return the length of the ADTS frame (ISO/IEC 13818-7, 6.2) at a position, or None."""
    if at + 7 > len(data) or data[at] != 0xFF or data[at + 1] & 0xF6 != 0xF0 or data[at + 2] >> 2 & 15 > 12:
        return None
    length = (data[at + 3] & 3) << 11 | data[at + 4] << 3 | data[at + 5] >> 5
    return length if length >= 7 else None


def ac3_frame_bytes(data: bytes, at: int = 0) -> int | None:
    """Return the length of the AC-3 or E-AC-3 frame (ETSI TS 102 366, 4.4.1 and E.1.3.1) at a position, or None."""
    if at + 6 > len(data) or data[at : at + 2] != b"\x0b\x77":
        return None
    version, rate, size = data[at + 5] >> 3, data[at + 4] >> 6, data[at + 4] & 63
    if 10 < version <= 16:
        return ((data[at + 2] & 7) << 8 | data[at + 3]) * 2 + 2
    if version > 16 or rate == 3 or size >> 1 >= len(_AC3_BIT_RATES):
        return None
    kilobits = _AC3_BIT_RATES[size >> 1]
    return (kilobits * 4, (kilobits * 320 // 147 + (size & 1)) * 2, kilobits * 6)[rate]


def loas_frame_bytes(data: bytes, at: int = 0) -> int | None:
    """Return the length of the LOAS frame (ISO/IEC 14496-3, 1.7.2) at a position, or None."""
    if at + 3 > len(data) or data[at] != 0x56 or data[at + 1] & 0xE0 != 0xE0:
        return None
    return 3 + ((data[at + 1] & 0x1F) << 8 | data[at + 2])


def confirmed(container: str, head: bytes) -> bool:
    """Check a container that FFmpeg guesses without a magic number, so that noise does not pass for it."""
    if container in _MAGIC_OF_GUESSED and head.startswith(_MAGIC_OF_GUESSED[container]):
        return True
    match container:
        case "gsm":
            return all(byte >> 4 == 0xD for byte in head[: -(len(head) % _GSM_FRAME) or None : _GSM_FRAME])
        case "mpegts":
            return _is_transport_stream(head)
        case "mpeg":
            return head.startswith(PACK) or head.count(PACK) > 1
    if container in _FRAMES_OF_GUESSED:
        return _has_chain(head, *_FRAMES_OF_GUESSED[container])
    return container not in _MAGIC_OF_GUESSED


_MAGIC_OF_GUESSED: Final[dict[str, tuple[bytes, ...]]] = {
    "mp3": (b"ID3",),
    "aac": (b"ID3",),
    "flac": (b"fLaC", b"ID3"),
    "dts": _DTS_MAGIC,
}
_FRAMES_OF_GUESSED: Final = {
    "mp3": (b"\xff", mp3_frame_bytes),
    "aac": (b"\xff", adts_frame_bytes),
    "ac3": (b"\x0b\x77", ac3_frame_bytes),
    "eac3": (b"\x0b\x77", ac3_frame_bytes),
    "loas": (b"\x56", loas_frame_bytes),
}


_FRAMES_OF_CODEC: Final = {"ac3": ac3_frame_bytes, "eac3": ac3_frame_bytes}
_FRAMES_OF_CONTAINER: Final = {"aac": adts_frame_bytes, "loas": loas_frame_bytes}


def frame_bytes(container: str, codec: str) -> Callable[[bytes], int | None] | None:
    """Return what tells the length of a frame by its first bytes, or None where frames do not tell."""
    if codec.startswith(("mp1", "mp2", "mp3")):
        return mp3_frame_bytes
    return _FRAMES_OF_CODEC.get(codec) or _FRAMES_OF_CONTAINER.get(container)


def _has_chain(head: bytes, mark: bytes, frame_bytes: Callable[[bytes, int], int | None]) -> bool:
    at = head.find(mark)
    while at >= 0:
        if _chain_length(head, at, frame_bytes) >= _MIN_CHAIN:
            return True
        at = head.find(mark, at + 1)
    return False


def _chain_length(head: bytes, at: int, frame_bytes: Callable[[bytes, int], int | None]) -> int:
    """Count consecutive frames; a chain that reaches the end of the head counts as long enough."""
    count = 0
    while count < _MIN_CHAIN and (length := frame_bytes(head, at)) is not None:
        count, at = count + 1, at + length
        if at == len(head) or (count > 1 and at > len(head)):
            return _MIN_CHAIN
    return count


def _is_transport_stream(head: bytes) -> bool:
    for first in range(_TSPACKET + 16):
        for step in (_TSPACKET, _TSPACKET + 4, _TSPACKET + 16):
            marks = head[first::step]
            if len(marks) >= _MIN_CHAIN and marks.count(0x47) == len(marks):
                return True
    return False


def ogg_ends_early(tail: bytes) -> bool:
    """Tell whether an Ogg stream's last page is truncated or not marked as the last (RFC 3533, section 6)."""
    at = tail.rfind(b"OggS")
    if at < 0 or at + 27 > len(tail):
        return True
    segments = tail[at + 26]
    size = 27 + segments + sum(tail[at + 27 : at + 27 + segments])
    return at + size > len(tail) or not tail[at + 5] & 4

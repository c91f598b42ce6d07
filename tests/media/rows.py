"""What is tried: containers, codecs, and what is odd about a file."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from av.stream import Disposition
from locution_gateway.media import probe

from tests.data import media_files as files
from tests.data.quirky_media import Sent, hole, mux
from tests.media.source import Span, length, source

CUT, UNSUPPORTED = "MEDIA_TRUNCATED", "MEDIA_CODEC_UNSUPPORTED"
CHUNK = b"LIST" + struct.pack("<I", 5000) + bytes(range(250)) * 20
AT = 7.4
"""A pause of the source."""


@dataclass(frozen=True)
class Row:
    """One file: how it is made, where the source plays in it, and what the decoder says of it.

    Either `warnings`, or the reason of a refusal and what its message names. `length` is that of the recording.
    """

    container: str
    codec: str
    quirk: str
    make: Callable[[], bytes]
    spans: tuple[Span, ...] = ()
    warnings: tuple[str, ...] = ()
    length: float | None = None
    refused: str = ""
    named: str = ""
    how: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return the name of the test."""
        return f"{self.container}-{self.codec}-{self.quirk}"


def whole(shift: float = 0.0) -> tuple[Span, ...]:
    return (Span(0.0, length(), shift),)


PLAIN = [
    *(("wav", codec, 44_100, 2) for codec in ("pcm_s16le", "pcm_s24le", "pcm_f32le")),
    *(("wav", codec, 8_000, 1) for codec in ("pcm_mulaw", "adpcm_ms")),
    ("w64", "pcm_s16le", 44_100, 2), ("aiff", "pcm_s24be", 44_100, 2), ("au", "pcm_s16be", 44_100, 1),
    ("caf", "alac", 44_100, 2), ("flac", "flac", 48_000, 2), ("mp3", "libmp3lame", 44_100, 2),
    ("mp2", "mp2", 48_000, 1), ("adts", "aac", 44_100, 2), ("latm", "aac", 44_100, 2), ("ac3", "ac3", 48_000, 6),
    ("eac3", "eac3", 48_000, 2), ("tta", "tta", 44_100, 2), ("wv", "wavpack", 44_100, 2),
    ("ogg", "libopus", 48_000, 2), ("ogg", "flac", 44_100, 2), ("webm", "libopus", 48_000, 1),
    ("matroska", "aac", 48_000, 2), ("mp4", "aac", 44_100, 2), ("mov", "pcm_s16be", 44_100, 2),
    ("3gp", "aac", 44_100, 1), ("asf", "wmav2", 44_100, 2), ("mxf_opatom", "pcm_s16le", 48_000, 1),
]  # fmt: skip
FILMS = [
    ("matroska", "aac", 44_100), ("matroska", "flac", 48_000), ("webm", "libopus", 48_000), ("mp4", "aac", 44_100),
    ("mp4", "libopus", 48_000), ("mpegts", "mp2", 48_000), ("mpegts", "aac", 48_000), ("mpeg", "mp2", 48_000),
    ("flv", "libmp3lame", 44_100), ("asf", "wmav2", 44_100),
]  # fmt: skip
CUT_OFF = [
    ("wav", "pcm_s16le", 16_000), ("flac", "flac", 16_000), ("mp3", "libmp3lame", 44_100), ("ogg", "libopus", 48_000),
    ("adts", "aac", 44_100), ("au", "pcm_s16be", 16_000),
]  # fmt: skip
LENGTHS = {
    "length 0": 0, "length of ffmpeg's pipe": 0xFFFF_FFFF, "length of arecord's pipe": 0x7FFF_FF00,
    "length of sox's pipe": 0x7FFF_EFFC, "length of its first 2 s": 64_000,
}  # fmt: skip
JOINED = [
    ("wav", "pcm_s16le", (16_000, 44_100)), ("flac", "flac", (48_000, 16_000)), ("ogg", "libopus", (48_000, 48_000)),
    ("ogg", "flac", (44_100, 16_000)), ("mpegts", "mp2", (48_000, 48_000)),
]  # fmt: skip
REFUSED = [
    ("voc", "pcm_u8", "Creative Voice"), ("nut", "pcm_s16le", "NUT"), ("sox", "pcm_s32le", "SoX"),
    ("rm", "ac3", "RealMedia"), ("wav", "dfpwm", "codec dfpwm"),
]  # fmt: skip
FRAGMENTED = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "500000"}


def rows() -> list[Row]:
    """Return all rows."""
    return [*_plain(), *_late(), *_holes(), *_clocks(), *_tracks(), *_layouts(), *_cut(), *_lies(), *_joined(), *_no()]


def _sent(codec: str, rate: int, **how: Any) -> Sent:
    return Sent(source(rate), rate, codec, **how)


def _encode(container: str, codec: str, rate: int, channels: int = 1) -> bytes:
    return files.encode(container, codec, [source(rate)] * channels, rate)


def _film(container: str, codec: str, rate: int, video: float = 0.0, **how: Any) -> bytes:
    return mux(container, [_sent(codec, rate, **how)], video)


def _pcm() -> bytes:
    return (np.clip(source(), -1, 1) * 32_767).astype("<i2").tobytes()


def _plain() -> Iterator[Row]:
    for container, codec, rate, channels in PLAIN:
        yield Row(container, codec, "plain", partial(_encode, container, codec, rate, channels), whole())


def _late() -> Iterator[Row]:
    quirk = "starts 4.9 s behind the picture, which goes on for 10 s"
    for container, codec, rate in FILMS:
        make = partial(_film, container, codec, rate, 30, start=4.9)
        yield Row(container, codec, quirk, make, whole(4.9), length=30)
    for container in ("mp4", "matroska"):
        make = partial(_film, container, "aac", 48_000, start=4.9)
        yield Row(container, "aac", "sound alone starts at 4.9 s", make, whole(4.9), length=length() + 4.9)


def _holes() -> Iterator[Row]:
    spans, seconds = (Span(0.0, AT), Span(AT, length(), 7.3)), length() + 7.3
    for container, codec, rate in [*FILMS, ("ogg", "libopus", 48_000)]:
        make = partial(_film, container, codec, rate, shift=hole(AT, 7.3))
        yield Row(container, codec, "hole of 7.3 s", make, spans, length=seconds)
    make = partial(_film, "matroska", "aac", 48_000, shift=hole(AT, 3 * 86_400))
    yield Row("matroska", "aac", "hole of three days", make, refused="MEDIA_TOO_LONG")


def _clocks() -> Iterator[Row]:
    def clock(container: str, codec: str, quirk: str, start: float, options: dict[str, str] | None = None) -> Row:
        return Row(
            container, codec, quirk,
            lambda: mux(container, [_sent(codec, 48_000, start=start)], video=10, video_start=start, options=options), whole(),
        )  # fmt: skip

    yield clock("mpegts", "mp2", "clock starts at 26 hours", 93_600.0)
    yield clock("mpegts", "aac", "clock wraps", 95_438.0)
    yield clock("mp4", "aac", "fragments of another hour", 10_800.0, FRAGMENTED)
    yield clock("matroska", "libopus", "live, of another hour", 10_800.0, {"live": "1"})
    yield Row(
        "matroska", "pcm_s16le", "jitter of 30 ms",
        lambda: mux("matroska", [_sent("pcm_s16le", 48_000, shift=lambda time: 0.03 * (int(time * 7) % 2))]), whole(),
    )  # fmt: skip


def _tracks() -> Iterator[Row]:
    tone = files.tone(length(), 48_000, 300, 0.2)
    other = Sent(tone, 48_000, "aac", language="eng", default=False)
    quiet = Sent(tone * 0.001, 48_000, "aac", title="Desktop", default=True)

    def tracks(container: str, quirk: str, *sent: Sent, **how: Any) -> Row:
        return Row(container, "aac", quirk, lambda: mux(container, sent), whole(), how=how)

    for container in ("matroska", "mp4"):
        yield tracks(container, "second of two tracks is the default", other, _sent("aac", 48_000, default=True))
        yield tracks(container, "quiet default beside a voice", quiet, _sent("aac", 48_000, default=False))
    german = _sent("aac", 48_000, language="ger", default=False)
    for container in ("matroska", "mp4", "mpegts"):
        how = {"track": "de", "languages": ("de", "deu", "ger")}
        yield tracks(container, "track by language", other, german, **how)
        yield tracks(container, "track by number", other, german, track="1")
    aside = Sent(tone, 48_000, "aac", disposition=Disposition.comment | Disposition.default)
    yield tracks("matroska", "commentary first", aside, _sent("aac", 48_000, disposition=Disposition.default))


def _layouts() -> Iterator[Row]:
    def layout(container: str, codec: str, quirk: str, *gains: float) -> Row:
        sound = [source(48_000) * gain for gain in gains]
        return Row(container, codec, quirk, lambda: mux(container, [Sent(np.stack(sound), 48_000, codec)]), whole())

    yield layout("wav", "pcm_s16le", "antiphase", 1, -1)
    yield layout("matroska", "flac", "antiphase", 1, -0.9)
    yield layout("wav", "pcm_s16le", "one dead channel", 0, 1)
    yield layout("matroska", "ac3", "5.1, speech in the centre", 0, 0, 1, 0, 0, 0)
    yield layout("wav", "pcm_s24le", "5.1, speech in the centre", 0, 0, 1, 0, 0, 0)
    yield layout("matroska", "flac", "quad, speech behind", 0, 0, 1, 1)
    yield Row("wav", "pcm_s16le", "eight channels", _eight_channels, whole())


def _eight_channels() -> bytes:
    return files.wave(np.repeat(np.frombuffer(_pcm(), "<i2"), 8).tobytes(), channels=8)


def _cut() -> Iterator[Row]:
    spans = (Span(0.0, 6.5),)
    for container, codec, rate in CUT_OFF:
        make = partial(_three_quarters, partial(_encode, container, codec, rate))
        yield Row(container, codec, "cut off at three quarters", make, spans, (CUT,))
    for container in ("matroska", "flv"):
        make = partial(_three_quarters, partial(_film, container, "aac", 44_100, 10))
        yield Row(container, "aac", "cut off at three quarters", make, spans, (CUT,))
    yield Row("mp3", "libmp3lame", "cut between two frames", _mp3_cut, spans, (CUT,))


def _three_quarters(make: Callable[[], bytes]) -> bytes:
    data = make()
    return data[: round(len(data) * 0.75)]


def _mp3_cut() -> bytes:
    data = _encode("mp3", "libmp3lame", 44_100)
    at = data.index(b"\xff\xfb")
    while at < len(data) * 0.75:
        at += probe.mp3_frame_bytes(data, at) or len(data)
    return data[:at]


def _lies() -> Iterator[Row]:
    for quirk, stated in LENGTHS.items():
        yield Row("wav", "pcm_s16le", quirk, partial(_wave, stated), whole())
    yield Row("wav", "pcm_s16le", "length of twice as much", partial(_wave, 1_000_000), whole(), (CUT,))
    yield Row("wav", "pcm_s16le", "chunks behind the samples", partial(_wave, None, CHUNK), whole())
    yield Row("flac", "flac", "count of 0", partial(_forged, "flac", "flac", 22, bytes(4)), whole())
    yield Row("au", "pcm_s16be", "unknown length", partial(_forged, "au", "pcm_s16be", 8, b"\xff" * 4), whole())
    for quirk, behind in (("zeros behind", bytes(4096)), ("ID3v1 behind", b"TAG" + bytes(125))):
        yield Row("mp3", "libmp3lame", quirk, partial(_mp3_before, behind), whole())
    yield Row("matroska", "aac", "length of an hour", _long_matroska, whole(), (CUT,))


def _wave(stated: int | None, behind: bytes = b"") -> bytes:
    return files.wave(_pcm(), data_size=stated) + behind


def _mp3_before(behind: bytes) -> bytes:
    return _encode("mp3", "libmp3lame", 44_100) + behind


def _forged(container: str, codec: str, at: int, value: bytes) -> bytes:
    data = _encode(container, codec, 16_000)
    return data[:at] + value + data[at + len(value) :]


def _long_matroska() -> bytes:
    data = bytearray(mux("matroska", [_sent("aac", 48_000)]))
    at = data.index(b"\x44\x89\x88") + 3
    data[at : at + 8] = struct.pack(">d", 3.6e6)
    return bytes(data)


def _joined() -> Iterator[Row]:
    for container, codec, rates in JOINED:
        make = partial(_one_behind_the_other, container, codec, rates)
        yield Row(container, codec, "two files, one behind the other", make, whole(length()))


def _one_behind_the_other(container: str, codec: str, rates: tuple[int, ...]) -> bytes:
    return b"".join(_encode(container, codec, rate) for rate in rates)


def _no() -> Iterator[Row]:
    for container, codec, named in REFUSED:
        make = partial(_encode, container, codec, 44_100)
        yield Row(container, codec, "not decoded", make, refused=UNSUPPORTED, named=named)
    yield Row("matroska", "mlp", "default track is not decoded", _mlp, refused=UNSUPPORTED, named="codec mlp")


def _mlp() -> bytes:
    tracks = [_sent("aac", 48_000, default=True), _sent("aac", 48_000, default=False)]
    return mux("matroska", tracks).replace(b"A_AAC", b"A_MLP", 1)

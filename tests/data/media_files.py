"""Make media for tests: good files by FFmpeg's own muxers, bad ones byte by byte. Nothing of it is committed."""

from __future__ import annotations

import io
import itertools
import struct
from collections.abc import Iterator
from typing import Any

import av
import numpy as np
import numpy.typing as npt

RATE = 16_000
BIT_RATES = {"wmav1": 128_000, "wmav2": 128_000}
"""Of encoders whose default fits no rate."""
FORMATS = {"wavpack": "s16p", "tta": "s16"}
"""Of encoders whose default has 8 bits."""


def tone(seconds: float, rate: int = RATE, hertz: float = 440.0, level: float = 0.3) -> npt.NDArray[np.float32]:
    """Make a sine of shape (samples,)."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def encode(container: str, codec: str, channels: list[npt.NDArray[np.float32]], rate: int, **options: str) -> bytes:
    """Write float channels into a container and return its bytes."""
    buffer = io.BytesIO()
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    with av.open(buffer, "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        if codec in BIT_RATES:
            stream.bit_rate = BIT_RATES[codec]
        if codec in FORMATS:
            stream.codec_context.format = av.AudioFormat(FORMATS[codec])
        for frame in _frames(stream, channels, rate, layout):
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()


def film(container: str, video: str, codec: str, channels: list[npt.NDArray[np.float32]], rate: int) -> bytes:
    """Write grey pictures and float channels, interleaved, into a container and return its bytes."""
    buffer, layout = io.BytesIO(), {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    with av.open(buffer, "w", format=container) as output:
        pictures, sound = output.add_stream(video, rate=25), output.add_stream(codec, rate=rate, layout=layout)
        assert isinstance(pictures, av.VideoStream)
        assert isinstance(sound, av.AudioStream)
        if codec in BIT_RATES:
            sound.bit_rate = BIT_RATES[codec]
        pictures.width, pictures.height = 352, 288
        pictures.pix_fmt = "yuvj420p" if video == "mjpeg" else "yuv420p"
        packets: list[av.Packet[Any]] = []
        pixels = np.full((288, 352, 3), 128, np.uint8)
        grey = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=pictures.pix_fmt)
        for number in range(round(len(channels[0]) / rate * 25)):
            grey.pts = number
            packets += pictures.encode(grey)
        packets += pictures.encode(None)
        for frame in _frames(sound, channels, rate, layout):
            packets += sound.encode(frame)
        packets += sound.encode(None)
        for packet in sorted(packets, key=lambda packet: (packet.dts or 0) * packet.time_base):
            output.mux(packet)
    return buffer.getvalue()


def dsf(samples: npt.NDArray[np.float32], rate: int) -> bytes:
    """Write mono samples as one bit each (Sony, "DSF File Format Specification", 1.01)."""
    bits, error = np.zeros(len(samples), np.uint8), 0.0
    for at, sample in enumerate(samples.tolist()):
        error += sample
        bits[at] = error > 0
        error -= 1.0 if error > 0 else -1.0
    data = np.packbits(bits, bitorder="little").tobytes()
    data += b"\x69" * (-len(data) % 4096)
    layout = struct.pack("<IIIIIIQII", 1, 0, 1, 1, rate, 1, len(samples), 4096, 0)
    size = 28 + 52 + 12 + len(data)
    head = b"DSD " + struct.pack("<QQQ", 28, size, 0) + b"fmt " + struct.pack("<Q", 52) + layout
    return head + b"data" + struct.pack("<Q", 12 + len(data)) + data


def silent_ape(samples: int) -> bytes:
    """Write Monkey's Audio 3.99 of stereo silence at 44.1 kHz, whose frames hold no samples but a flag of silence."""
    size, frame = 73_728, struct.pack("<III", 0x8000_0000, 0x3, 0) + bytes(12)
    count = -(-samples // size)
    header = struct.pack("<HHIIIHHI", 1000, 0, size, samples - (count - 1) * size, count, 16, 2, 44_100)
    first = 52 + len(header) + 4 * count
    table = struct.pack(f"<{count}I", *(first + len(frame) * number for number in range(count)))
    lengths = (52, len(header), len(table), 0, len(frame) * count, 0, 0)
    descriptor = b"MAC " + struct.pack("<HH", 3990, 0) + struct.pack("<7I", *lengths) + bytes(16)
    return descriptor + header + table + frame * count


def _frames(
    stream: av.AudioStream, channels: list[npt.NDArray[np.float32]], rate: int, layout: str
) -> Iterator[av.AudioFrame]:
    stream.codec_context.open()
    resampler = av.AudioResampler(stream.codec_context.format.name, layout, stream.codec_context.sample_rate)
    fifo, size = av.AudioFifo(), stream.codec_context.frame_size or 4096
    whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(np.stack(channels)), format="fltp", layout=layout)
    whole.sample_rate, whole.pts = rate, 0
    for frame in (*resampler.resample(whole), *resampler.resample(None)):
        frame.pts = None
        fifo.write(frame)
    position = 0
    while (part := fifo.read(size) or fifo.read(size, partial=True)) is not None:
        part.pts, position = position, position + part.samples
        yield part


def wave(pcm: bytes, rate: int = RATE, channels: int = 1, *, data_size: int | None = None) -> bytes:
    """Write a RIFF/WAVE of s16le; `data_size` may lie."""
    size = len(pcm) if data_size is None else data_size
    width = 2 * channels
    layout = struct.pack("<HHIIHH", 1, channels, rate, rate * width & 0xFFFF_FFFF, width & 0xFFFF, 16)
    riff = min(36 + size, 0xFFFF_FFFF)
    return b"RIFF" + struct.pack("<I", riff) + b"WAVEfmt \x10\0\0\0" + layout + b"data" + struct.pack("<I", size) + pcm


def box(name: bytes, *parts: bytes) -> bytes:
    """Write one ISO base media box."""
    body = b"".join(parts)
    return struct.pack(">I4s", 8 + len(body), name) + body


def mp4_with_streams(count: int, reference: bytes | None = None) -> bytes:
    """Write an mp4 of PCM tracks; with `reference` their data lies in another file of that path."""
    header = box(b"mvhd", struct.pack(">IIIIII", 0, 0, 0, 1000, 1000, 0x10000), bytes(76))
    tracks = b"".join(_track(number, reference) for number in range(1, count + 1))
    return box(b"ftyp", b"isom", bytes(4)) + box(b"moov", header, tracks) + box(b"mdat", bytes(32_000))


def _track(number: int, reference: bytes | None) -> bytes:
    if reference is None:
        data = box(b"url ", struct.pack(">I", 1))
    else:
        alias = bytes(8) + bytes(142) + struct.pack(">HH", 2, len(reference)) + reference + b"\xff\xff\0\0"
        data = box(b"alis", struct.pack(">I", 0), alias)
    entry = box(b"sowt", bytes(6), struct.pack(">H", 1), bytes(8), struct.pack(">HHHHI", 1, 16, 0, 0, RATE << 16))
    table = box(
        b"stbl",
        box(b"stsd", struct.pack(">II", 0, 1), entry),
        box(b"stts", struct.pack(">IIII", 0, 1, RATE, 1)),
        box(b"stsc", struct.pack(">IIIII", 0, 1, 1, RATE, 1)),
        box(b"stsz", struct.pack(">III", 0, 2, RATE)),
        box(b"stco", struct.pack(">III", 0, 1, 40)),
    )
    media = box(
        b"mdia",
        box(b"mdhd", struct.pack(">IIIIIHH", 0, 0, 0, RATE, RATE, 0, 0)),
        box(b"hdlr", struct.pack(">II4s", 0, 0, b"soun"), bytes(13)),
        box(b"minf", box(b"smhd", bytes(8)), box(b"dinf", box(b"dref", struct.pack(">II", 0, 1), data)), table),
    )
    header = box(b"tkhd", struct.pack(">IIIIII", 7, 0, 0, number, 0, 1000), bytes(60))
    return box(b"trak", header, media)


def element(identifier: str, payload: bytes) -> bytes:
    """Write one EBML element with an eight-byte size."""
    return bytes.fromhex(identifier) + struct.pack(">Q", len(payload) | 1 << 56) + payload


def matroska(codec: str, private: bytes, rate: float, blocks: bytes, tracks: int = 1) -> bytes:
    """Write a Matroska file of mono audio tracks around blocks made by `block`."""
    audio = element("b5", struct.pack(">f", rate)) + element("9f", b"\x01") + element("6264", b"\x10")
    entries = b"".join(
        element(
            "ae",
            element("d7", struct.pack(">I", number))
            + element("73c5", struct.pack(">I", number))
            + element("83", b"\x02")
            + element("86", codec.encode())
            + (element("63a2", private) if private else b"")
            + element("e1", audio),
        )
        for number in range(1, tracks + 1)
    )
    segment = element("1654ae6b", entries) + element("1f43b675", element("e7", b"\x00") + blocks)
    return element("1a45dfa3", element("4282", b"matroska")) + element("18538067", segment)


def block(data: bytes) -> bytes:
    """Write one SimpleBlock of track 1 at time 0."""
    return element("a3", b"\x81\x00\x00\x80" + data)


def matroska_with_streams(count: int) -> bytes:
    """Write a Matroska file of PCM tracks."""
    return matroska("A_PCM/INT/LIT", b"", RATE, block(bytes(32_000)), count)


def ogg_with_streams(count: int) -> bytes:
    """Write an Ogg file of Opus streams."""
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48_000, 0, 0)
    tags = b"OpusTags" + struct.pack("<II", 0, 0)
    pages = [ogg_page(serial, 0, 2, head, 0) for serial in range(count)]
    pages += [ogg_page(serial, 1, 0, tags, 0) for serial in range(count)]
    pages += [ogg_page(serial, 2, 4, b"\xf8\xff\xfe", 960) for serial in range(count)]
    return b"".join(pages)


def ogg_page(serial: int, sequence: int, flags: int, packet: bytes, granule: int) -> bytes:
    """Write one Ogg page with one short packet (RFC 3533, section 6)."""
    page = b"OggS\0" + struct.pack("<BqIIIBB", flags, granule, serial, sequence, 0, 1, len(packet)) + packet
    return page[:22] + struct.pack("<I", _ogg_checksum(page)) + page[26:]


def _ogg_checksum(data: bytes) -> int:
    value = 0
    for byte in data:
        value = (value << 8 & 0xFFFF_FFFF) ^ _OGG_TABLE[value >> 24 ^ byte]
    return value


def _ogg_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C1_1DB7 if value & 0x8000_0000 else 0)) & 0xFFFF_FFFF
        table.append(value)
    return table


_OGG_TABLE = _ogg_table()


def wavpack_bomb(size: int) -> Iterator[bytes]:
    """Give `size` bytes of WavPack blocks, each half a second of silence."""
    data = encode("wv", "wavpack", [np.zeros(RATE * 30, np.float32)], RATE)
    length = struct.unpack_from("<I", data, 4)[0] + 8
    return _repeat(b"", data[:length], size)


def flac_bomb(size: int) -> Iterator[bytes]:
    """Give `size` bytes of FLAC frames of silence behind a header that admits nothing."""
    data = encode("flac", "flac", [np.zeros(48_000 * 30, np.float32)], 48_000)
    first = data.index(b"\xff\xf8")
    second = data.index(b"\xff\xf8", first + 2)
    header = bytearray(data[:first])
    header[21] &= 0xF0
    header[22:26] = bytes(4)
    return _repeat(bytes(header), data[first:second], size)


def opus_bomb(size: int) -> bytes:
    """Make `size` bytes of Matroska with Opus packets of 120 ms of silence."""
    head = b"OpusHead\x01\x01" + struct.pack("<HIhB", 0, 48_000, 0, 0)
    packet = block(b"\xfb\x06" + b"\xff\xfe" * 6)
    return matroska("A_OPUS", head, 48_000.0, packet * (size // len(packet)))


def _repeat(head: bytes, unit: bytes, size: int) -> Iterator[bytes]:
    piece = unit * (65_536 // len(unit) + 1)
    return itertools.chain([head] if head else [], itertools.repeat(piece, size // len(piece)))


def png() -> bytes:
    """Make a small picture."""
    return _picture("image2pipe", "png", "rgb24", 1)


def silent_film() -> bytes:
    """Make a film without sound."""
    return _picture("matroska", "mpeg4", "yuv420p", 25)


def _picture(container: str, codec: str, pixels: str, count: int) -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width = stream.height = 64
        stream.pix_fmt = pixels
        for _ in range(count):
            frame = av.VideoFrame(64, 64, "rgb24").reformat(format=pixels)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return buffer.getvalue()

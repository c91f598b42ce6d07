"""Recognise the format of an audio stream by its first bytes, and strip a WAV header."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

from locution.v1 import live_service_pb2 as pb

PCM, FLOAT, ALAW, MULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
LONGEST_HEADER = 1 << 20

_ENCODINGS = {
    (PCM, 16): pb.LiveConfig.ENCODING_PCM_S16LE,
    (FLOAT, 32): pb.LiveConfig.ENCODING_PCM_F32LE,
    (ALAW, 8): pb.LiveConfig.ENCODING_ALAW,
    (MULAW, 8): pb.LiveConfig.ENCODING_MULAW,
}


class UnknownAudio(ValueError):
    """States why audio cannot be streamed as it is."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Audio to stream: its encoding, its sample rate if no header states it, and its bytes."""

    encoding: pb.LiveConfig.Encoding.ValueType
    rate: int | None
    data: AsyncIterator[bytes]


async def recognise(source: AsyncIterator[bytes], raw_rate: int | None) -> Sound:
    """Return the audio of a stream; with `raw_rate`, a stream without a header is PCM s16le. Raises UnknownAudio."""
    head = await _at_least(source, b"", 12)
    if head.startswith(b"fLaC"):
        return Sound(pb.LiveConfig.ENCODING_FLAC, None, _joined(head, source))
    if head.startswith(b"OggS"):
        return Sound(pb.LiveConfig.ENCODING_OGG_OPUS, None, _joined(head, source))
    if head.startswith(b"RIFF") and head[8:12] == b"WAVE":
        return await _wave(head, source)
    if raw_rate is not None:
        return Sound(pb.LiveConfig.ENCODING_PCM_S16LE, raw_rate, _joined(head, source))
    raise UnknownAudio(
        "the format is not WAV, FLAC or Ogg. Convert it: `ffmpeg -i FILE -f wav -ac 1 - | locution live -`;"
        " for raw 16-bit samples on standard input, add --rate HZ"
    )


async def _wave(head: bytes, source: AsyncIterator[bytes]) -> Sound:
    """Read chunks up to the first sample."""
    at, described = 12, None
    while at < LONGEST_HEADER:
        head = await _at_least(source, head, at + 8)
        name, size = head[at : at + 4], struct.unpack("<I", head[at + 4 : at + 8].ljust(4, b"\0"))[0]
        if name == b"data" and described is not None:
            encoding, rate = described
            limit = None if size in (0, 0xFFFFFFFF) else size
            return Sound(encoding, rate, _limited(_joined(head[at + 8 :], source), limit))
        head = await _at_least(source, head, at + 8 + size)
        if name == b"fmt ":
            described = _format(head[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    raise UnknownAudio("the WAV file has a header but no samples")


def _format(chunk: bytes) -> tuple[pb.LiveConfig.Encoding.ValueType, int]:
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16].ljust(16, b"\0"))
    if code == EXTENSIBLE and len(chunk) >= 26:
        code = struct.unpack("<H", chunk[24:26])[0]
    if channels != 1:
        raise UnknownAudio(f"the audio has {channels} channels. Mix them to one: `ffmpeg -i FILE -ac 1 mono.wav`")
    if (code, bits) not in _ENCODINGS:
        raise UnknownAudio(
            f"the samples have {bits} bits in format {code}. Supported are 16-bit PCM, 32-bit float and G.711"
        )
    return _ENCODINGS[code, bits], rate


async def _at_least(source: AsyncIterator[bytes], held: bytes, size: int) -> bytes:
    while len(held) < size and (data := await anext(source, None)) is not None:
        held += data
    return held


async def _joined(head: bytes, source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if head:
        yield head
    async for data in source:
        yield data


async def _limited(source: AsyncIterator[bytes], size: int | None) -> AsyncIterator[bytes]:
    async for data in source:
        yield data if size is None else data[:size]
        if size is not None:
            size -= len(data)
            if size <= 0:
                return

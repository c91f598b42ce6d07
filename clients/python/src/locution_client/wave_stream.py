"""Recognise the format of an audio stream by its first bytes, and strip a WAV header."""

from __future__ import annotations

import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

from locution.v1 import live_service_pb2 as pb

from locution_client.pcm import FALLBACK_RATE, MOST_CHANNELS, Layout, converted
from locution_client.rules import rules

PCM, FLOAT, ALAW, MULAW, EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
LONGEST_HEADER = 1 << 20

_WAVE = {
    (PCM, 1): "u8",
    (PCM, 2): "s16le",
    (PCM, 3): "s24le",
    (PCM, 4): "s32le",
    (FLOAT, 4): "f32le",
    (FLOAT, 8): "f64le",
    (ALAW, 1): "alaw",
    (MULAW, 1): "mulaw",
}
_TAKEN = {
    "s16le": pb.LiveConfig.ENCODING_PCM_S16LE,
    "f32le": pb.LiveConfig.ENCODING_PCM_F32LE,
    "alaw": pb.LiveConfig.ENCODING_ALAW,
    "mulaw": pb.LiveConfig.ENCODING_MULAW,
}
"""The encodings that the server takes, with one channel."""

_RATES = frozenset(getattr(rules(pb.LiveConfig, "sample_rate_hertz").int32, "in"))


class UnknownAudio(ValueError):
    """States why audio cannot be streamed as it is."""


@dataclass(frozen=True, slots=True)
class Sound:
    """Audio to stream: its encoding, its sample rate if no header states it, and its bytes."""

    encoding: pb.LiveConfig.Encoding.ValueType
    rate: int | None
    data: AsyncIterator[bytes]


async def recognise(source: AsyncIterator[bytes], raw: Layout | None) -> Sound:
    """Return the audio of a stream; one without a header has the layout `raw`. Raises UnknownAudio.

    PCM that the server does not take as it is becomes PCM s16le with one channel, and where need be another rate.
    """
    head = await _at_least(source, b"", 12)
    if head.startswith(b"fLaC"):
        return Sound(pb.LiveConfig.ENCODING_FLAC, None, _joined(head, source))
    if head.startswith(b"OggS"):
        return Sound(pb.LiveConfig.ENCODING_OGG_OPUS, None, _joined(head, source))
    if head.startswith((b"RIFF", b"RF64")) and head[8:12] == b"WAVE":
        return await _wave(head, source)
    if raw is not None:
        return _fitting(raw, _joined(head, source))
    raise UnknownAudio(
        "the format is not WAV, FLAC or Ogg. Convert it: `ffmpeg -i FILE -f wav - | locution live -`;"
        " for samples without a header, add --audio-format, for example s16le:16000:1"
    )


def _fitting(layout: Layout, data: AsyncIterator[bytes]) -> Sound:
    """Return PCM as it is if the server takes it, else converted."""
    rate = layout.rate if layout.rate in _RATES else FALLBACK_RATE
    if layout.encoding in _TAKEN and layout.channels == 1 and layout.rate == rate:
        return Sound(_TAKEN[layout.encoding], rate, data)
    return Sound(pb.LiveConfig.ENCODING_PCM_S16LE, rate, converted(data, layout, rate))


async def _wave(head: bytes, source: AsyncIterator[bytes]) -> Sound:
    """Read chunks up to the first sample."""
    at, described = 12, None
    while at < LONGEST_HEADER:
        head = await _at_least(source, head, at + 8)
        name, size = head[at : at + 4], struct.unpack("<I", head[at + 4 : at + 8].ljust(4, b"\0"))[0]
        if name == b"data" and described is not None:
            limit = None if size in (0, 0xFFFFFFFF) else size
            return _fitting(described, _limited(_joined(head[at + 8 :], source), limit))
        head = await _at_least(source, head, at + 8 + size)
        if name == b"fmt ":
            described = _layout(head[at + 8 : at + 8 + size])
        at += 8 + size + size % 2
    raise UnknownAudio("the WAV file has a header but no samples")


def _layout(chunk: bytes) -> Layout:
    code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", chunk[:16].ljust(16, b"\0"))
    if code == EXTENSIBLE and len(chunk) >= 26:
        code = struct.unpack("<H", chunk[24:26])[0]
    encoding = _WAVE.get((code, -(-bits // 8)))
    if encoding is None or not (channels and rate) or channels > MOST_CHANNELS:
        raise UnknownAudio(
            f"the WAV file has {channels} channels of {bits} bits in format {code} at {rate} Hz. Convert it:"
            " `ffmpeg -i FILE -f wav -c:a pcm_s16le -ac 1 - | locution live -`"
        )
    return Layout(encoding, rate, channels)


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

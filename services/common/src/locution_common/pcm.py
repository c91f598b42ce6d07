"""PCM on the internal wire: mono, signed 16-bit little-endian, 16 kHz; times are counts of samples."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from .errors import Reason, Refused

SAMPLE_RATE: Final = 16_000
SAMPLE_WIDTH: Final = 2
MAX_CHUNK_SAMPLES: Final = SAMPLE_RATE

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Chunk:
    """Hold PCM bytes and the position of their first sample, counted from the start of the stream."""

    offset: int
    data: bytes

    @property
    def samples(self) -> int:
        """Count the samples."""
        return len(self.data) // SAMPLE_WIDTH

    @property
    def end(self) -> int:
        """Give the position just after the last sample."""
        return self.offset + self.samples


def seconds(samples: int) -> float:
    """Convert a count of samples to seconds."""
    return samples / SAMPLE_RATE


def samples(seconds: float) -> int:
    """Convert seconds to the nearest count of samples."""
    return round(seconds * SAMPLE_RATE)


def to_float(data: bytes) -> Samples:
    """Convert s16le bytes to float32 of shape (samples,) in [-1, 1)."""
    return np.frombuffer(data, dtype="<i2").astype(np.float32) / np.float32(32768.0)


def to_bytes(audio: Samples) -> bytes:
    """Convert float32 of shape (samples,) to s16le bytes, rounding and clipping to the range."""
    scaled = np.clip(np.rint(audio * 32768.0), -32768, 32767)
    return bytes(scaled.astype("<i2").tobytes())


def chunks(data: bytes, *, offset: int = 0, size: int = MAX_CHUNK_SAMPLES) -> Iterator[Chunk]:
    """Cut PCM into chunks of at most `size` samples, the first at position `offset`."""
    step = size * SAMPLE_WIDTH
    for start in range(0, len(data), step):
        yield Chunk(offset + start // SAMPLE_WIDTH, data[start : start + step])


async def frames(
    source: AsyncIterator[bytes], *, offset: int = 0, size: int = MAX_CHUNK_SAMPLES
) -> AsyncIterator[Chunk]:
    """Reframe a byte stream of any granularity into chunks of `size` samples; only the last is shorter.

    Refused with INVALID_REQUEST if the stream ends inside a sample.
    """
    step, pending = size * SAMPLE_WIDTH, bytearray()
    async for piece in source:
        pending += piece
        while len(pending) >= step:
            yield Chunk(offset, bytes(pending[:step]))
            del pending[:step]
            offset += size
    if len(pending) % SAMPLE_WIDTH:
        raise Refused(Reason.INVALID_REQUEST, "the audio ends inside a sample")
    if pending:
        yield Chunk(offset, bytes(pending))


class OffsetChecker:
    """Check that chunks follow each other without gap, overlap or half samples."""

    def __init__(self, start: int = 0, *, max_samples: int = MAX_CHUNK_SAMPLES) -> None:
        self._next = start
        self._max_samples = max_samples

    @property
    def next_offset(self) -> int:
        """Give the position at which the next chunk must begin."""
        return self._next

    def check(self, offset: int, data: bytes) -> Chunk:
        """Return the chunk, or raise AUDIO_OFFSET_MISMATCH or INVALID_REQUEST and change nothing."""
        if len(data) % SAMPLE_WIDTH:
            raise Refused(Reason.INVALID_REQUEST, f"{len(data)} bytes are not whole 16-bit samples")
        chunk = Chunk(offset, data)
        if chunk.samples > self._max_samples:
            raise Refused(
                Reason.INVALID_REQUEST, f"{chunk.samples} samples exceed the limit of {self._max_samples} a chunk"
            )
        if offset != self._next:
            raise Refused(
                Reason.AUDIO_OFFSET_MISMATCH,
                f"audio continues at sample {self._next}, not at {offset}",
                metadata={"expected_offset": str(self._next)},
            )
        self._next = chunk.end
        return chunk


class AudioBuffer:
    """Pass chunks from one producer to one consumer and hold at most `capacity` seconds between them.

    `put` waits while the buffer is full, so that the producer's own flow control (HTTP/2's) slows its sender. A single
    chunk longer than the capacity passes alone.
    """

    def __init__(self, capacity: float) -> None:
        self._capacity = samples(capacity)
        self._chunks: deque[Chunk] = deque()
        self._held = 0
        self._closed = False
        self._changed = asyncio.Condition()

    @property
    def held(self) -> float:
        """Tell how many seconds of audio wait."""
        return seconds(self._held)

    async def put(self, chunk: Chunk) -> None:
        """Add a chunk once there is room; raises ValueError after close."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._closed or self._fits(chunk))
            if self._closed:
                raise ValueError("the buffer is closed")
            self._chunks.append(chunk)
            self._held += chunk.samples
            self._changed.notify_all()

    def _fits(self, chunk: Chunk) -> bool:
        return not self._chunks or self._held + chunk.samples <= self._capacity

    async def close(self) -> None:
        """Say that no more audio comes; what waits is still delivered."""
        async with self._changed:
            self._closed = True
            self._changed.notify_all()

    async def get(self) -> Chunk | None:
        """Take the oldest chunk, or None at the end."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._chunks) or self._closed)
            if not self._chunks:
                return None
            chunk = self._chunks.popleft()
            self._held -= chunk.samples
            self._changed.notify_all()
            return chunk

    async def __aiter__(self) -> AsyncIterator[Chunk]:
        while (chunk := await self.get()) is not None:
            yield chunk

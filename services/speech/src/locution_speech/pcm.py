"""PCM on the internal wire: mono, at the clock's rate and width; times are counts of samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from locution_common.errors import Reason, Refused

from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH

MAX_CHUNK_SAMPLES: Final = SAMPLE_RATE

Samples = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Chunk:
    """PCM bytes and the position of their first sample from the start of the stream."""

    offset: int
    data: bytes

    @property
    def samples(self) -> int:
        """Return the number of samples."""
        return len(self.data) // SAMPLE_WIDTH

    @property
    def end(self) -> int:
        """Return the position after the last sample."""
        return self.offset + self.samples


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


class OffsetChecker:
    """Checks that chunks follow each other without gap, overlap or half samples."""

    def __init__(self, start: int = 0, *, max_samples: int = MAX_CHUNK_SAMPLES) -> None:
        self._next = start
        self._max_samples = max_samples

    @property
    def next_offset(self) -> int:
        """Return the position at which the next chunk must begin."""
        return self._next

    def check(self, offset: int, data: bytes) -> Chunk:
        """Return the chunk, or refuse it with AUDIO_OFFSET_MISMATCH or INVALID_REQUEST without any effect."""
        if len(data) % SAMPLE_WIDTH:
            raise Refused(Reason.INVALID_REQUEST, f"{len(data)} bytes are not whole 16-bit samples")
        chunk = Chunk(offset, data)
        if chunk.samples > self._max_samples:
            raise Refused(
                Reason.INVALID_REQUEST, f"{chunk.samples} samples exceed the limit of {self._max_samples} per chunk"
            )
        if offset != self._next:
            raise Refused(
                Reason.AUDIO_OFFSET_MISMATCH,
                f"audio continues at sample {self._next}, not at {offset}",
                metadata={"expected_offset": str(self._next)},
            )
        self._next = chunk.end
        return chunk

"""Convert headerless audio to 16 kHz, from any start of a stream.

Resampling is a windowed sinc (Smith, "Digital Audio Resampling", 2002) whose phase depends only on the position, so a
resumed stream gives the same samples.
"""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from typing import Final

import numpy as np
from locution_speech.clock import SAMPLE_RATE
from locution_speech.pcm import Samples, to_bytes, to_float

from locution_gateway.live.models import LiveEncoding
from locution_gateway.media.stream import Sink

ZEROS: Final = 24


class PcmTranscoder:
    """Convert PCM, mu-law or A-law that begins at `offset` to s16le at 16 kHz that begins at sample `first`."""

    def __init__(self, encoding: LiveEncoding, rate: int, sink: Sink, offset: int = 0, first: int = 0) -> None:
        self._encoding = encoding
        self._sink = sink
        self._resampler = None if rate == SAMPLE_RATE else Resampler(rate, offset)
        self._at = position(offset, rate)
        self._first = first

    async def feed(self, data: bytes) -> None:
        """Add whole samples."""
        audio = decoded(self._encoding, data)
        await self._give(audio if self._resampler is None else self._resampler.push(audio))

    async def finish(self) -> None:
        """Output what the resampler holds."""
        if self._resampler is not None:
            await self._give(self._resampler.finish())

    async def _give(self, audio: Samples) -> None:
        skipped = min(len(audio), max(0, self._first - self._at))
        self._at += len(audio)
        if len(audio) > skipped:
            await self._sink(to_bytes(audio[skipped:]))


def position(offset: int, rate: int) -> int:
    """Return the first sample at 16 kHz that is not before a sample at `rate`."""
    return -(-offset * SAMPLE_RATE // rate)


def begin_before(sample: int, rate: int) -> int:
    """Return the offset at `rate` from which to read so that samples from `sample` on are exact."""
    if rate == SAMPLE_RATE:
        return sample
    step = rate // gcd(rate, SAMPLE_RATE)
    early = sample * rate // SAMPLE_RATE - _reach(rate) - step
    return max(0, early - early % step)


def decoded(encoding: LiveEncoding, data: bytes) -> Samples:
    """Return samples in [-1, 1]; NaN counts as silence."""
    match encoding:
        case LiveEncoding.PCM_S16LE:
            return to_float(data)
        case LiveEncoding.PCM_F32LE:
            return np.asarray(np.clip(np.nan_to_num(np.frombuffer(data, "<f4")), -1.0, 1.0), np.float32)
        case LiveEncoding.MULAW:
            return np.asarray(_mulaw()[np.frombuffer(data, np.uint8)], np.float32)
        case LiveEncoding.ALAW:
            return np.asarray(_alaw()[np.frombuffer(data, np.uint8)], np.float32)
        case _:
            raise ValueError(f"{encoding} requires a decoder")


class Resampler:
    """Resample a stream that begins at sample `offset` of `rate` to 16 kHz."""

    def __init__(self, rate: int, offset: int = 0) -> None:
        divisor = gcd(rate, SAMPLE_RATE)
        self._up, self._down = SAMPLE_RATE // divisor, rate // divisor
        self._reach = _reach(rate)
        self._filters = _filters(self._up, self._down, self._reach)
        self._held: Samples = np.zeros(self._reach, np.float32)
        self._start = offset - self._reach
        self._next = position(offset, rate)
        self._taken = offset

    def push(self, audio: Samples) -> Samples:
        """Return the samples that are complete."""
        self._held = np.concatenate([self._held, audio])
        self._taken += len(audio)
        return self._pull((self._taken - self._reach) * self._up // self._down)

    def finish(self) -> Samples:
        """Return the rest, followed by silence."""
        self._held = np.concatenate([self._held, np.zeros(2 * self._reach + self._down, np.float32)])
        return self._pull(-(-self._taken * self._up // self._down))

    def _pull(self, end: int) -> Samples:
        if end <= self._next:
            return np.zeros(0, np.float32)
        places = np.arange(self._next, end, dtype=np.int64) * self._down
        bases = places // self._up - self._start - self._reach + 1
        windows = np.lib.stride_tricks.sliding_window_view(self._held, 2 * self._reach)
        result = np.einsum("ij,ij->i", windows[bases], self._filters[places % self._up])
        self._next = end
        drop = max(0, end * self._down // self._up - self._start - self._reach)
        self._held, self._start = self._held[drop:], self._start + drop
        return np.asarray(result, np.float32)


def _reach(rate: int) -> int:
    """Return the reach of the filter to either side, in samples of `rate`."""
    return -(-ZEROS * max(rate, SAMPLE_RATE) // SAMPLE_RATE)


@lru_cache(maxsize=16)
def _filters(up: int, down: int, reach: int) -> Samples:
    """Return one row of weights per phase, over the samples from `reach - 1` before to `reach` after."""
    cut = min(1.0, up / down) * 0.95
    taps = np.arange(-reach + 1, reach + 1)[None, :] - (np.arange(up) / up)[:, None]
    window = np.i0(9.0 * np.sqrt(np.clip(1 - (taps / (reach + 1)) ** 2, 0, None))) / np.i0(9.0)
    rows = cut * np.sinc(cut * taps) * window
    normal: Samples = (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)
    return normal


@lru_cache(maxsize=1)
def _mulaw() -> Samples:
    """Return the value of each byte (ITU-T G.711, mu-law)."""
    codes = ~np.arange(256, dtype=np.int64) & 0xFF
    magnitude = (((codes & 0x0F) << 3) + 0x84) << ((codes >> 4) & 7)
    values = np.where(codes & 0x80, 0x84 - magnitude, magnitude - 0x84)
    return (values / 32768.0).astype(np.float32)


@lru_cache(maxsize=1)
def _alaw() -> Samples:
    """Return the value of each byte (ITU-T G.711, A-law)."""
    codes = np.arange(256, dtype=np.int64) ^ 0x55
    exponent, mantissa = (codes >> 4) & 7, codes & 0x0F
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    values = np.where(codes & 0x80, magnitude, -magnitude)
    return (values / 32768.0).astype(np.float32)

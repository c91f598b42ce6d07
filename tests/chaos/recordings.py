"""Recordings of noise with pauses, made from seeds: the fake engines' text depends on every sample."""

from __future__ import annotations

import hashlib
import io
import wave
from dataclasses import dataclass
from functools import cache

import av
import numpy as np


@dataclass(frozen=True, slots=True)
class Recording:
    """A WAV file."""

    name: str
    data: bytes
    seconds: float

    @property
    def sha256(self) -> str:
        """Return its digest."""
        return hashlib.sha256(self.data).hexdigest()


@cache
def recording(name: str) -> Recording:
    """Return a recording by name: short, long, wide (48 kHz stereo: several parts), vast (decoded, too), or seekable (mp4)."""
    if name == "seekable":
        return Recording(name, mp4(noise(12, 16_000, 1, 4)), 12)
    seconds, rate, channels, seed = {
        "short": (12, 16_000, 1, 1),
        "long": (45, 16_000, 1, 2),
        "wide": (60, 48_000, 2, 3),
        "vast": (300, 16_000, 1, 5),
    }[name]
    return Recording(name, noise(seconds, rate, channels, seed), seconds)


def mp4(wave_file: bytes) -> bytes:
    """Return a WAV file's audio as an mp4 whose index stands at its end, so that it must be read from a file."""
    out = io.BytesIO()
    with av.open(io.BytesIO(wave_file), "r") as source, av.open(out, "w", format="mp4") as target:
        stream = target.add_stream("aac", rate=16_000, layout="mono")
        for frame in source.decode(audio=0):
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    return out.getvalue()


def noise(seconds: float, rate: int, channels: int, seed: int) -> bytes:
    """Return bursts of noise with pauses between them."""
    frames = np.random.default_rng(seed).normal(0, 3000, (int(rate * seconds), channels))
    frames[(np.arange(len(frames)) // (rate // 2)) % 3 == 2] = 0
    return wav(frames.astype("<i2").tobytes(), rate, channels)


def wav(pcm: bytes, rate: int, channels: int) -> bytes:
    """Return s16le samples as a WAV file."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm)
    return out.getvalue()

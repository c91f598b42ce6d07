"""Marks in sound: bursts of a tone in silence, and where they are found again."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tests.data import media_files as files

SECONDS = 6.0
STARTS = (1.0, 2.5, 4.2)
BURST = 0.4
TOLERANCE = 0.05


def bursts(rate: int) -> npt.NDArray[np.float32]:
    """Make silence with three bursts of a tone."""
    sound = np.zeros(round(SECONDS * rate), np.float32)
    for start in STARTS:
        at = round(start * rate)
        burst = files.tone(BURST, rate, 1000, 0.4)
        sound[at : at + len(burst)] = burst
    return sound


def starts(pcm: bytes | bytearray) -> list[float]:
    """Find where the bursts begin in s16le at 16 kHz, in seconds."""
    samples = np.abs(np.frombuffer(pcm, "<i2").astype(float))
    loud = np.convolve(samples, np.ones(80) / 80, "same") > 1500
    found: list[float] = []
    for at in np.flatnonzero(loud[1:] & ~loud[:-1]):
        if not found or at / files.RATE - found[-1] > BURST:
            found.append(float(at / files.RATE))
    return found

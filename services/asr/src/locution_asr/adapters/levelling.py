"""Prepare audio for the speech detector: without rumble and offset, at an even level. The recogniser gets the original.

Wind, handling noise and a constant offset lie below 80 Hz; loud speech blinds the detector to quiet speech after it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from locution_speech.clock import SAMPLE_RATE
from numpy.typing import NDArray

from locution_asr.domain.models import FRAME

CUTOFF = 80.0
"""Corner of the high-pass filter, in hertz; it falls by 24 dB an octave."""

RESPONSE = 2048
"""Samples of the filter's response; what is left of it is below 16-bit resolution."""

TARGET = -22.0
"""Level of the loudest recent frame for the detector, in dB relative to full scale."""

MOST_GAIN = 40.0
LEAST_GAIN = -20.0
RECOVERY = 8.0
"""Decibels by which the gain rises in a second: nothing older than the detector's warm-up of 8 s has an effect."""

SILENT = 1e-12
"""Mean square of a frame that counts as digital silence."""

Wave = NDArray[np.float32]


class Leveller:
    """Filters and levels one stream, frame by frame; the gain follows the loudest recent frame."""

    def __init__(self) -> None:
        self._before: NDArray[np.float64] = np.zeros(RESPONSE - 1)
        self._loudest = -math.inf

    def __call__(self, frames: Wave) -> tuple[Wave, Wave]:
        """Return frames of FRAME samples, full scale 1.0, filtered and levelled; and their mean squares, filtered."""
        filtered = self._filtered(frames.reshape(-1)).reshape(-1, FRAME)
        power = np.mean(filtered**2, axis=1)
        gains = np.array([self._gain(level) for level in (10 * np.log10(power + SILENT)).tolist()])
        return (filtered * (10 ** (gains / 20))[:, None]).astype(np.float32), power.astype(np.float32)

    def _filtered(self, wave: Wave) -> NDArray[np.float64]:
        joined = np.concatenate([self._before, wave])
        self._before = joined[-(RESPONSE - 1) :]
        size = 1 << (len(joined) - 1).bit_length()
        # What wraps round falls on the samples of `before`, which are left out.
        spectrum = np.fft.rfft(joined, size) * _spectrum(size)
        filtered: NDArray[np.float64] = np.fft.irfft(spectrum, size)[RESPONSE - 1 : len(joined)]
        return filtered

    def _gain(self, level: float) -> float:
        self._loudest = max(level, self._loudest - RECOVERY * FRAME / SAMPLE_RATE)
        return min(max(TARGET - self._loudest, LEAST_GAIN), MOST_GAIN)


@lru_cache(maxsize=16)
def _spectrum(size: int) -> NDArray[np.complex128]:
    spectrum: NDArray[np.complex128] = np.fft.rfft(_response(), size)
    return spectrum


def _response() -> NDArray[np.float64]:
    """Return the impulse response of a Butterworth high-pass of fourth order."""
    wave = np.zeros(RESPONSE)
    wave[0] = 1.0
    for angle in (math.pi / 8, 3 * math.pi / 8):
        wave = _second_order(wave, 1 / (2 * math.sin(angle)))
    return wave


def _second_order(wave: NDArray[np.float64], quality: float) -> NDArray[np.float64]:
    """Run a wave through a second-order high-pass (bilinear transform)."""
    ratio = math.tan(math.pi * CUTOFF / SAMPLE_RATE)
    scale = 1 / (1 + ratio / quality + ratio**2)
    first, second = 2 * (ratio**2 - 1) * scale, (1 - ratio / quality + ratio**2) * scale
    raised = scale * (wave - 2 * np.roll(wave, 1) + np.roll(wave, 2))
    made: list[float] = [0.0, 0.0]
    for value in raised.tolist():
        made.append(value - first * made[-1] - second * made[-2])
    return np.array(made[2:])

"""The recording that every row carries, and what is found of it behind the decoder."""

from __future__ import annotations

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import av
import numpy as np
import numpy.typing as npt

from tests.bench.recordings import wheel_folder

RATE = 16_000
BEGINS, ENDS = 14.3, 24.0
Sound = npt.NDArray[np.float32]

_ENVELOPE = 1000
_REACH = 0.5
_SMOOTH = 9


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds [start, end) of the source that play `shift` seconds later in the row."""

    start: float
    end: float
    shift: float = 0.0


@cache
def source(rate: int = RATE) -> Sound:
    """Return two people who talk on the telephone, mono."""
    with wave.open(str(wheel_folder() / "sample.wav")) as file:
        pcm = file.readframes(file.getnframes())
    sound = _floats(pcm[round(BEGINS * RATE) * 2 : round(ENDS * RATE) * 2])
    return sound if rate == RATE else _resampled(sound, rate)


@cache
def reference() -> str:
    """Return what they say."""
    lines = [line.split(maxsplit=5) for line in (wheel_folder() / "sample.stm").read_text().splitlines()]
    return " ".join(line[5] for line in lines if float(line[3]) >= BEGINS and float(line[4]) <= ENDS)


def length() -> float:
    """Return the seconds of the source."""
    return len(source()) / RATE


def _resampled(sound: Sound, rate: int) -> Sound:
    frame = av.AudioFrame.from_ndarray(sound[None], format="fltp", layout="mono")
    frame.sample_rate = RATE
    resampler = av.AudioResampler("fltp", "mono", rate)
    parts = [part.to_ndarray()[0] for given in (frame, None) for part in resampler.resample(given)]
    return np.concatenate(parts)


def rebuilt(pcm: bytes, spans: Sequence[Span]) -> Sound:
    """Return the source as a row carries it: its spans, taken from where they should be."""
    heard = _floats(pcm)
    found = np.zeros(round(max(span.end for span in spans) * RATE), np.float32)
    for span in spans:
        first, last = round(span.start * RATE), round(span.end * RATE)
        at = round((span.start + span.shift) * RATE)
        part = heard[max(0, at) : at + last - first]
        found[first : first + len(part)] = part
    return found


def displacement(pcm: bytes, spans: Sequence[Span]) -> float:
    """Return how far sound is from where it should be, in seconds, at worst: by pieces of a second and a half."""
    heard = _envelope(_floats(pcm))
    true = _envelope(source())
    worst = 0.0
    for span in spans:
        for start in np.arange(span.start, span.end - 1.0, 1.5):
            end = min(start + 1.5, span.end)
            worst = max(worst, abs(_lag(true, heard, start, end, span.shift)), key=abs)
    return worst


def _floats(pcm: bytes) -> Sound:
    return (np.frombuffer(pcm, "<i2") / 32_768).astype(np.float32)


def _lag(true: Sound, heard: Sound, start: float, end: float, shift: float) -> float:
    piece = true[round(start * _ENVELOPE) : round(end * _ENVELOPE)]
    reach = round(_REACH * _ENVELOPE)
    first = round((start + shift) * _ENVELOPE) - reach
    around = np.zeros(len(piece) + 2 * reach, np.float32)
    part = heard[max(0, first) : max(0, first + len(around))]
    around[max(0, -first) : max(0, -first) + len(part)] = part
    piece = piece - piece.mean()
    windows = np.lib.stride_tricks.sliding_window_view(around, len(piece))
    centred = windows - windows.mean(axis=1, keepdims=True)
    norms = np.sqrt((centred**2).sum(axis=1)) + 1e-6
    return float((int(np.argmax(centred @ piece / norms)) - reach) / _ENVELOPE)


def _envelope(sound: Sound) -> Sound:
    size = RATE // _ENVELOPE
    levels = np.abs(sound[: len(sound) // size * size]).reshape(-1, size).mean(axis=1)
    return np.convolve(levels, np.ones(_SMOOTH) / _SMOOTH, "same").astype(np.float32)

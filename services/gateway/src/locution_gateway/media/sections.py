"""Cut a recording into sections at pauses, by energy and without a model.

The rule: a section may end anywhere between `minimum` and `maximum` after its start. In that range every 20 ms frame is
a pause or not, judged against the noise floor and the speech level around it. The longest pause nearest to the target
wins, and the cut lies in its quietest part. Without a pause (music, a crowd), the cut lies in the quietest tenth of a
second near the target. Decisions depend only on the samples: the same recording gives the same cuts however its bytes
arrive, and sections partition it exactly.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH

FRAME: Final = SAMPLE_RATE // 50
_FRAMES_PER_SECOND: Final = SAMPLE_RATE // FRAME
_SILENCE_DB: Final = -75.0
_MIN_DYNAMICS_DB: Final = 6.0
_THRESHOLD_SHARE: Final = 0.3
_FLOOR_AND_SPEECH: Final = (2, 90)  # percentiles: talkers pause for more than 2 % of any 25 s
_BLOCK: Final = 5 * _FRAMES_PER_SECOND
_BLOCKS_AROUND: Final = 2
_SMOOTH: Final = 5
_PAUSE_STEPS: Final = (0.5, 0.3, 0.16, 0.1)
_LONG_PAUSE_SECONDS: Final = 2.0
_FULL_SCALE: Final = 32768.0

Decibels = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Section:
    """The samples [start, end) of every channel, at 16 kHz."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class SectionRule:
    """Lengths of sections in seconds: target, minimum (except for a shorter recording) and maximum."""

    target: float = 300.0
    minimum: float = 150.0
    maximum: float = 600.0

    def __post_init__(self) -> None:
        if not 1.0 <= self.minimum <= self.target <= self.maximum - self.minimum:
            raise ValueError("sections require 1 <= minimum <= target <= maximum - minimum")


class Sectioner:
    """Cuts a stream of s16le at 16 kHz with `channels` interleaved; all channels share the cuts.

    The rule bounds memory: one level per 20 ms of at most maximum + minimum seconds. A section is returned as soon as
    it is decided, at the latest that long after its start.
    """

    def __init__(self, rule: SectionRule | None = None, channels: int = 1) -> None:
        rule = rule or SectionRule()
        self._target = round(rule.target * _FRAMES_PER_SECOND)
        self._minimum = round(rule.minimum * _FRAMES_PER_SECOND)
        self._maximum = round(rule.maximum * _FRAMES_PER_SECOND)
        self._channels = channels
        self._pending = b""
        self._levels: Decibels = np.empty(0)
        self._start = 0
        self._samples = 0

    def push(self, pcm: bytes) -> list[Section]:
        """Add bytes, split anywhere; return the sections that they complete."""
        self._pending += pcm
        frame_bytes = FRAME * SAMPLE_WIDTH * self._channels
        whole = len(self._pending) // frame_bytes * frame_bytes
        if whole:
            self._levels = np.concatenate([self._levels, _decibels(self._pending[:whole], self._channels)])
            self._pending = self._pending[whole:]
            self._samples += whole // (SAMPLE_WIDTH * self._channels)
        sections = []
        while len(self._levels) >= self._maximum + self._minimum:
            sections.append(self._cut())
        return sections

    def finish(self) -> list[Section]:
        """Return the remaining sections at the end of the recording; none for an empty one."""
        self._samples += len(self._pending) // (SAMPLE_WIDTH * self._channels)
        self._pending = b""
        sections = []
        while len(self._levels) >= self._target + self._minimum:
            sections.append(self._cut())
        if self._samples > self._start:
            sections.append(Section(self._start, self._samples))
            self._start = self._samples
        self._levels = np.empty(0)
        return sections

    def _cut(self) -> Section:
        """End the current section; the rest is never shorter than the minimum."""
        last = min(self._maximum, len(self._levels) - self._minimum)
        frames = best_cut(self._levels, self._minimum, self._target, last)
        section = Section(self._start, self._start + frames * FRAME)
        self._start = section.end
        self._levels = self._levels[frames:]
        return section


def _decibels(pcm: bytes, channels: int) -> Decibels:
    """Return the level of each frame in dB of full scale; for several channels, the loudest."""
    samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, FRAME, channels).astype(np.float64) / _FULL_SCALE
    power = np.square(samples - samples.mean(axis=1, keepdims=True)).mean(axis=1).max(axis=1)
    levels: Decibels = 10.0 * np.log10(power + 1e-12)
    return levels


def best_cut(levels: Decibels, first: int, target: int, last: int) -> int:
    """Choose the frame in [first, last] before which to cut; `levels` of shape (frames,) start with the section."""
    smooth = np.convolve(np.pad(levels, _SMOOTH // 2, mode="edge"), np.full(_SMOOTH, 1 / _SMOOTH), mode="valid")
    pauses = _runs(_is_pause(levels[: last + 1])[first:], first)
    for seconds in _PAUSE_STEPS:
        candidates = [run for run in pauses if run[1] - run[0] >= seconds * _FRAMES_PER_SECOND]
        if candidates:
            start, end = min(candidates, key=lambda run: (_cost(run, first, target, last), run))
            return _quietest(smooth, start, end)
    near = slice(max(first, target - _BLOCK), min(last, target + _BLOCK) + 1)
    return near.start + int(np.argmin(smooth[near]))


def _is_pause(levels: Decibels) -> npt.NDArray[np.bool_]:
    """Judge each frame against the floor and the speech level of the 25 s around it.

    If these are close together (steady noise, or silence), the levels of the whole window decide.
    """
    levels = np.maximum(levels, _SILENCE_DB)
    floor, peak = np.percentile(levels, _FLOOR_AND_SPEECH)
    whole = _threshold(floor, peak)
    pauses = np.empty(len(levels), dtype=np.bool_)
    for at in range(0, len(levels), _BLOCK):
        around = levels[max(0, at - _BLOCKS_AROUND * _BLOCK) : at + (_BLOCKS_AROUND + 1) * _BLOCK]
        low, high = np.percentile(around, _FLOOR_AND_SPEECH)
        limit = _threshold(low, high) if high - low >= _MIN_DYNAMICS_DB else min(whole, low + _MIN_DYNAMICS_DB)
        block = slice(at, at + _BLOCK)
        pauses[block] = levels[block] <= max(limit, _SILENCE_DB)
    return pauses


def _threshold(floor: float, peak: float) -> float:
    return floor + _THRESHOLD_SHARE * (peak - floor)


def _runs(flags: npt.NDArray[np.bool_], offset: int) -> list[tuple[int, int]]:
    """List the half-open runs of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], flags, [False])).astype(np.int8)))
    return [(int(start) + offset, int(end) + offset) for start, end in edges.reshape(-1, 2)]


def _cost(run: tuple[int, int], first: int, target: int, last: int) -> float:
    """Weigh distance from the target (0 to 1) against length (a pause of 2 s is worth half the range)."""
    start, end = run
    nearest = min(max(target, start), end)
    reach = target - first if nearest < target else last - target
    distance = abs(nearest - target) / max(reach, 1)
    length = min(end - start, _LONG_PAUSE_SECONDS * _FRAMES_PER_SECOND) / (_LONG_PAUSE_SECONDS * _FRAMES_PER_SECOND)
    return distance - 0.5 * length


def _quietest(smooth: Decibels, start: int, end: int) -> int:
    """Return the middle of the quietest part of a run, away from its edges."""
    margin = (end - start) // 4
    inner = smooth[start + margin : end - margin]
    quiet = np.flatnonzero(inner <= inner.min() + 3.0)
    return start + margin + int(quiet[len(quiet) // 2])

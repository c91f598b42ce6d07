"""Find audio that the detector rejects although it is about as loud as the speech beside it: it is heard twice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from locution_speech.clock import Span, samples
from numpy.typing import NDArray

from locution_asr.domain.models import FRAME


@dataclass(frozen=True, slots=True)
class DoubtRule:
    """What gets a second hearing; lengths in samples.

    Audio that is at most `below` decibels quieter than the utterance before it (or after it, where none is before), for
    at least `shortest` in all. Of a silence, at most `longest` is heard at a time; `padding` is that of windows.
    """

    longest: int
    padding: int
    below: float = 10.0
    shortest: int = samples(1.0)
    smooth: int = samples(0.5)


class Doubt:
    """Follows the level of a stream from its first sample on. The rule's `longest` bounds its memory.

    Audio within the padding of an utterance is not doubted: it is in that utterance's window.
    """

    def __init__(self, rule: DoubtRule) -> None:
        self._rule = rule
        self._since = 0
        self._first = 0
        self._power: NDArray[np.float32] = np.empty(0, np.float32)
        self._speech: float | None = None

    @property
    def needed_from(self) -> int:
        """Return the first sample that may still be doubted."""
        return self._since

    def hear(self, power: NDArray[np.float32]) -> None:
        """Add the mean square of frames of FRAME samples."""
        self._power = np.concatenate([self._power, power])

    def spoken(self, utterance: Span) -> list[Span]:
        """Return what is doubted before an utterance that has ended."""
        level = self._level(utterance)
        before, self._speech = self._speech, level if self._speech is None else self._speech
        found = self.ended(utterance.start - self._rule.padding)
        self._speech = before if level is None else level
        self._go_on(utterance.end + self._rule.padding)
        return found

    def silent(self, until: int) -> list[Span]:
        """Return what is doubted in a silence that lasts to `until`, in parts as long as may be heard at a time."""
        found = []
        if self._speech is None:
            self._go_on(until - self._rule.longest)
        while until - self._since > self._rule.longest:
            end = self._since + self._rule.longest
            found += self._doubted(end)
            self._go_on(end)
        return found

    def ended(self, until: int) -> list[Span]:
        """Return what is doubted in the silence before `until`; nothing where no speech was heard before."""
        found = [*self.silent(until), *self._doubted(until)]
        self._go_on(until)
        return found

    def _doubted(self, until: int) -> list[Span]:
        """Return the silence before `until` from the first to the last place that is about as loud as speech."""
        if self._speech is None or until - self._since < self._rule.shortest:
            return []
        held = self._power[(self._since - self._first) // FRAME : (until - self._first) // FRAME]
        width = self._rule.smooth // FRAME
        smooth = np.convolve(held, np.full(width, 1 / width))[width // 2 :][: len(held)]
        [loud] = np.nonzero(smooth >= self._speech * 10 ** (-self._rule.below / 10))
        if len(loud) * FRAME < self._rule.shortest:
            return []
        start, end = (self._since + int(at) * FRAME for at in (loud[0], loud[-1] + 1))
        return [Span(max(self._since, start - self._rule.padding), min(until, end + self._rule.padding))]

    def _level(self, span: Span) -> float | None:
        """Return the level of what is still held of an utterance, or None."""
        first, end = max(0, span.start - self._first), max(0, span.end - self._first)
        held = self._power[first // FRAME : math.ceil(end / FRAME)]
        return float(held.mean()) if len(held) else None

    def _go_on(self, sample: int) -> None:
        """Forget the levels before `sample`."""
        self._since = max(self._since, sample)
        passed = min((self._since - self._first) // FRAME, len(self._power))
        self._first += passed * FRAME
        self._power = self._power[passed:]

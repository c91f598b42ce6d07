"""Find utterances in a stream of speech probabilities (hysteresis as in silero-vad's get_speech_timestamps)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from locution_speech.clock import Span, samples
from numpy.typing import NDArray

from locution_asr.domain.models import FRAME, QUIET_BELOW


@dataclass(frozen=True, slots=True)
class SpeechRule:
    """When speech begins and ends; lengths in samples.

    An utterance opens at a probability of `threshold`, and closes when `silence` samples stay below `release`. One
    shorter than `shortest` is not speech; one longer than `longest` is cut where speech is least probable.
    """

    threshold: float = 0.5
    release: float = QUIET_BELOW
    silence: int = samples(0.5)
    shortest: int = samples(0.1)
    longest: int = samples(27.0)


class SpeechTracker:
    """Converts probabilities, frame by frame, to utterances. The longest utterance bounds its memory."""

    def __init__(self, rule: SpeechRule, position: int = 0) -> None:
        self._rule = rule
        self._position = position
        self._start: int | None = None
        self._quiet_since: int | None = None
        self._probabilities: list[float] = []

    @property
    def open_since(self) -> int | None:
        """Return the start of the open utterance, if any."""
        return self._start

    @property
    def position(self) -> int:
        """Return the number of samples judged so far."""
        return self._position

    def feed(self, probabilities: NDArray[np.float32]) -> Iterator[Span]:
        """Yield the utterances that these frames close."""
        for probability in probabilities.tolist():
            yield from self._step(probability)
            self._position += FRAME

    def finish(self, end: int) -> Iterator[Span]:
        """Yield the open utterance, if any, closed no later than `end`."""
        if self._start is not None:
            stop = min(end, self._quiet_since if self._quiet_since is not None else end)
            yield from self._close(self._start, stop)

    def _step(self, probability: float) -> Iterator[Span]:
        if self._start is None:
            if probability >= self._rule.threshold:
                self._start, self._probabilities = self._position, [probability]
            return
        self._probabilities.append(probability)
        if probability >= self._rule.threshold:
            self._quiet_since = None
        elif probability < self._rule.release and self._quiet_since is None:
            self._quiet_since = self._position
        if self._quiet_since is not None and self._position + FRAME - self._quiet_since >= self._rule.silence:
            yield from self._close(self._start, self._quiet_since)
        elif self._position + FRAME - self._start >= self._rule.longest:
            yield self._cut(self._start)

    def _close(self, start: int, end: int) -> Iterator[Span]:
        span = Span(start, max(end, start))
        self._start, self._quiet_since, self._probabilities = None, None, []
        if span.length >= self._rule.shortest:
            yield span

    def _cut(self, start: int) -> Span:
        """Split the open utterance at its quietest frame in the second half; the rest stays open."""
        half = len(self._probabilities) // 2
        smooth = np.convolve(self._probabilities, np.full(3, 1 / 3), mode="same")
        frame = half + int(np.argmin(smooth[half:-1]))
        span = Span(start, start + frame * FRAME)
        self._start, self._probabilities = span.end, self._probabilities[frame:]
        if self._quiet_since is not None:
            self._quiet_since = max(self._quiet_since, self._start)
        return span


def total(spans: Iterable[Span]) -> int:
    """Sum the spans' samples."""
    return sum(span.length for span in spans)

"""Measure the time from the arrival of a word's end to its confirmation."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import Final

from locution_speech.transcript import Word

MOST_MARKS: Final = 4096
"""Arrivals remembered; if a client sends smaller pieces, its words are timed from a later one."""


class Confirmation:
    """Remembers when samples arrived, as far back as words are unconfirmed."""

    def __init__(self) -> None:
        self._samples: list[int] = []
        self._times: list[float] = []
        self._confirmed = 0

    def received(self, sample: int, now: float) -> None:
        """Record that all audio before a sample has arrived."""
        if len(self._samples) < MOST_MARKS:
            self._samples.append(sample)
            self._times.append(now)
        else:
            self._samples[-1], self._times[-1] = sample, now

    def confirmed(self, words: Iterable[Word], now: float) -> Iterator[float]:
        """Yield the seconds of each newly confirmed word."""
        for word in words:
            if word.end <= self._confirmed:
                continue
            self._confirmed = word.end
            at = bisect_left(self._samples, word.end)
            if 0 < at < len(self._samples):
                yield max(0.0, now - self._times[at])
            del self._samples[: max(0, at - 1)], self._times[: max(0, at - 1)]

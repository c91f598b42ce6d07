"""Recognise speakers by their voices: the best one-to-one assignment of those that are near enough."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from locution_gateway.domain.jobs import SAMPLE_RATE
from locution_gateway.domain.stages import Clustering
from locution_gateway.domain.voices import Embedding, KnownVoice

THRESHOLD: Final = 0.6
"""Least cosine similarity of a speaker and a voice; docs/voices.md has the measurements that it was chosen by."""
LEAST_HEARD: Final = 2 * SAMPLE_RATE
"""Samples that a speaker must speak to be recognised: shorter ones are mistaken too often."""

Matrix = Sequence[Sequence[float]]


def recognise(clustering: Clustering, voices: Sequence[KnownVoice]) -> dict[int, KnownVoice]:
    """Return the voice of each speaker of a recording who is heard long enough and has one."""
    heard: Counter[int] = Counter()
    for span in (span for section in clustering.spans for span in section):
        heard[span.speaker] += span.end - span.start
    clear = [voice if heard[speaker] >= LEAST_HEARD else () for speaker, voice in enumerate(clustering.voices)]
    return match(clear, voices)


def match(speakers: Sequence[Embedding], voices: Sequence[KnownVoice]) -> dict[int, KnownVoice]:
    """Return the voice of each speaker that has one, by the speaker's number; no voice is given twice.

    Of all assignments the one with the greatest sum of similarities above the threshold is taken.
    """
    gains = [[max(_cosine(speaker, voice.embedding) - THRESHOLD, 0.0) for voice in voices] for speaker in speakers]
    return {row: voices[column] for row, column in assign(gains).items() if gains[row][column] > 0}


def assign(gains: Matrix) -> dict[int, int]:
    """Return the column of each row in an assignment of greatest sum; gains are not negative.

    The Hungarian method with potentials (Kuhn, 1955; Munkres, 1957), in time rows² · columns.
    """
    if not gains or not gains[0]:
        return {}
    if len(gains) > len(gains[0]):
        turned = assign([list(column) for column in zip(*gains, strict=True)])
        return {row: column for column, row in turned.items()}
    solved = _Assignment(gains)
    for row in range(len(gains)):
        solved.add(row)
    return {row: column for column, row in enumerate(solved.owners[:-1]) if row is not None}


class _Assignment:
    """A best assignment of the rows added so far. The last column is none: where the row that is added stands."""

    def __init__(self, gains: Matrix) -> None:
        self._gains = gains
        self._width = len(gains[0])
        self._rows = [0.0] * len(gains)
        self._columns = [0.0] * (self._width + 1)
        self.owners: list[int | None] = [None] * (self._width + 1)

    def add(self, row: int) -> None:
        """Add a row, along the cheapest path that frees a column for it."""
        self.owners[self._width] = row
        slack, before = [math.inf] * self._width, [self._width] * self._width
        free, reached = set(range(self._width)), [self._width]
        column = self._width
        while (owner := self.owners[column]) is not None:
            column = self._nearest(owner, column, free, slack, before, reached)
        self._shift(column, before)

    def _nearest(
        self, row: int, column: int, free: set[int], slack: list[float], before: list[int], reached: list[int]
    ) -> int:
        """Lower what the columns that are not reached cost, and reach the cheapest."""
        for other in free:
            cost = -self._gains[row][other] - self._rows[row] - self._columns[other]
            if cost < slack[other]:
                slack[other], before[other] = cost, column
        found = min(free, key=lambda other: (slack[other], other))
        step = slack[found]
        for other in reached:
            self._columns[other] -= step
            owner = self.owners[other]
            if owner is not None:
                self._rows[owner] += step
        for other in free:
            slack[other] -= step
        free.remove(found)
        reached.append(found)
        return found

    def _shift(self, column: int, before: Sequence[int]) -> None:
        """Give each column of the path the owner of the one before it."""
        while column != self._width:
            self.owners[column] = self.owners[before[column]]
            column = before[column]


def _cosine(one: Embedding, other: Embedding) -> float:
    """Return the cosine of the angle between two voices; -1 where there is none."""
    lengths = math.hypot(*one) * math.hypot(*other)
    if len(one) != len(other) or not lengths:
        return -1.0
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths

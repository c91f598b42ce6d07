"""Recognise a session's speakers from section to section.

Online clustering by centroids: each centroid of a section is assigned to the most similar speaker, at most one per
speaker; one that resembles no speaker becomes a new one. Numbers never change here; the clustering of the whole session
corrects them at its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from locution_speech.clock import samples
from locution_speech.speakers import SpeakerCentroid, Turn
from locution_speech.transcript import Segment

from locution_gateway.live.models import LiveFinal
from locution_gateway.pipeline.speakers import assign
from locution_gateway.voices.pair import pair

ALIKE: Final = 0.35
"""Cosine from which two centroids belong to one speaker: the threshold of the diarizer's own clustering."""

LEAST: Final = samples(1.0)
"""Samples of speech below which a centroid neither becomes a new speaker nor updates a known one."""

MOST: Final = 50
Vector = npt.NDArray[np.float64]


class Centroids:
    """Holds the sum of each speaker's centroids, for at most `most` speakers."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._sums: list[Vector] = []

    def restore(self, known: Iterable[SpeakerCentroid]) -> None:
        """Add a section's centroids with their earlier assignment."""
        for centroid in known:
            while len(self._sums) <= centroid.speaker:
                self._sums.append(np.zeros(len(centroid.embedding)))
            self._learn(centroid.speaker, centroid.embedding, centroid.samples)

    def place(self, heard: Sequence[SpeakerCentroid]) -> dict[int, int]:
        """Return the session's speaker of each local centroid, and add the centroids."""
        placed = dict(self._pairs(heard))
        for centroid in heard:
            if centroid.speaker not in placed:
                placed[centroid.speaker] = self._stranger(centroid)
            self._learn(placed[centroid.speaker], centroid.embedding, centroid.samples)
        return placed

    def _pairs(self, heard: Sequence[SpeakerCentroid]) -> Iterator[tuple[int, int]]:
        """Yield centroids with the speakers that they resemble."""
        likeness = (
            (self._likeness(speaker, centroid), centroid.speaker, speaker)
            for centroid in heard
            for speaker in self._speakers()
        )
        return pair(likeness, ALIKE)

    def _stranger(self, centroid: SpeakerCentroid) -> int:
        """Return a new speaker, or the nearest one if there are enough speakers or too little speech."""
        if self._sums and (len(self._sums) >= self._most or centroid.samples < LEAST):
            return max(self._speakers(), key=lambda speaker: self._likeness(speaker, centroid))
        self._sums.append(np.zeros(len(centroid.embedding)))
        return len(self._sums) - 1

    def _learn(self, speaker: int, embedding: Sequence[float], samples: int) -> None:
        if samples >= LEAST or not self._sums[speaker].any():
            self._sums[speaker] += np.asarray(embedding) * samples

    def _likeness(self, speaker: int, centroid: SpeakerCentroid) -> float:
        total = self._sums[speaker]
        length = float(np.linalg.norm(total))
        return float(total @ np.asarray(centroid.embedding)) / length if length else 0.0

    def _speakers(self) -> range:
        return range(len(self._sums))


def speakers_of(final: LiveFinal, turns: Sequence[Turn[str]]) -> tuple[str, ...]:
    """Return the speaker of each word of a final; nothing if no speaker was found."""
    if not final.words or not turns:
        return ()
    parts = assign([Segment(final.start, final.end, final.text, final.words)], turns)
    return tuple(word.speaker or "" for part in parts for word in part.words)

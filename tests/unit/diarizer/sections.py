"""Sections made by hand: who speaks is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from locution_diarizer.domain.models import Grid, SectionWindows, Vector, WindowSpeakers
from locution_speech.pcm import Samples
from locution_speech.speakers import SpeakerHints

GRID = Grid(size=160_000, step=40_000, frames=589, frame_step=270, frame_centre=495)
VALUES = 16


def embedding(speaker: int) -> Vector:
    """Give the one embedding of a speaker."""
    one_hot: Vector = np.eye(VALUES, dtype=np.float32)[speaker]
    return one_hot


def section(windows: int, speakers: list[tuple[int, float, float]], *, seed: int = 0) -> SectionWindows:
    """Make a section in which speaker s speaks from a to b (seconds), for each (s, a, b).

    Each window numbers its speakers in an order of its own, as a model does.
    """
    rng = np.random.default_rng(seed)
    activity = np.zeros((windows, GRID.frames, 3), np.bool_)
    embeddings = np.full((windows, 3, VALUES), np.nan, np.float16)
    for window in range(windows):
        places = rng.permutation(3)
        times = (window * GRID.step + np.arange(GRID.frames) * GRID.frame_step + GRID.frame_centre) / 16_000
        for place, who in zip(places, dict.fromkeys(s for s, _, _ in speakers), strict=False):
            for _, start, end in [item for item in speakers if item[0] == who]:
                activity[window, :, place] |= (times >= start) & (times < end)
            if activity[window, :, place].any():
                embeddings[window, place] = embedding(who) + rng.normal(0, 0.02, VALUES)
    length = (windows - 1) * GRID.step + GRID.size
    return SectionWindows(length, GRID, activity, embeddings)


class OneHotModel:
    """Cluster by the greatest value; what it is asked is kept."""

    grid = GRID
    exclusive = False
    min_silence = 0

    def __init__(self) -> None:
        self.asked: list[tuple[int, float, SpeakerHints]] = []

    def analyse(self, windows: Sequence[Samples]) -> list[WindowSpeakers]:
        raise AssertionError("clustering analyses nothing")

    def centroids(self, embeddings: Vector, share: float, hints: SpeakerHints) -> Vector:
        self.asked.append((len(embeddings), share, hints))
        return np.stack([embedding(speaker) for speaker in np.unique(embeddings.argmax(axis=1))])

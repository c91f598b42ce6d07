"""Cut a PCM stream into overlapping windows as it arrives; it keeps only the tail that later windows need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from locution_speech.pcm import Samples, to_float

from locution_diarizer.domain.models import Grid


@dataclass(frozen=True, slots=True)
class Window:
    """One window: its number in the section, its audio, and the end of what it covers."""

    index: int
    audio: Samples
    end: int


class WindowCutter:
    """Makes windows of `grid.size` every `grid.step`; the last one is padded with silence, as in pyannote."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._tail = np.zeros(0, dtype=np.float32)
        self._cut = 0
        self.received = 0

    def feed(self, pcm: bytes) -> Iterator[Window]:
        """Add s16le bytes; return the windows that they complete."""
        audio = to_float(pcm)
        self.received += len(audio)
        self._tail = np.concatenate([self._tail, audio])
        while len(self._tail) >= self._grid.size:
            yield self._window(self._tail[: self._grid.size].copy())
            self._tail = self._tail[self._grid.step :].copy()

    def finish(self) -> Iterator[Window]:
        """Return the last window if audio remains that no window covers."""
        covered = (self._cut - 1) * self._grid.step + self._grid.size if self._cut else 0
        if self.received > covered:
            yield self._window(np.pad(self._tail, (0, self._grid.size - len(self._tail))))

    def _window(self, audio: Samples) -> Window:
        start = self._cut * self._grid.step
        window = Window(self._cut, audio, min(start + self._grid.size, self.received))
        self._cut += 1
        return window

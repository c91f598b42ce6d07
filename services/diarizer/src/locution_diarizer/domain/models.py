"""The words of diarization. All positions are samples at 16 kHz from the start of their section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from locution_speech.engine.models import Flow, ModelName

Activity = npt.NDArray[np.bool_]
Embeddings = npt.NDArray[np.float16]
Vector = npt.NDArray[np.float32]
Labels = npt.NDArray[np.intp]

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Start:
    """Say for whom a stream is worked on, and with which model."""

    flow: Flow
    model: ModelName


@dataclass(frozen=True, slots=True)
class Grid:
    """Describe how a model slides over audio: windows of `size` every `step`, each giving `frames` frames.

    Frame i of a window is centred at `frame_step * i + frame_centre` samples of it.
    """

    size: int
    step: int
    frames: int
    frame_step: int
    frame_centre: int

    def first_frame(self, window: int) -> int:
        """Give the frame of the section at which a window's first frame lies."""
        return round(window * self.step / self.frame_step)

    def section_frames(self, windows: int) -> int:
        """Count the frames of a section with a number of windows."""
        return self.first_frame(windows - 1) + self.frames if windows else 0


@dataclass(frozen=True, slots=True)
class WindowSpeakers:
    """Hold what one window gave: who of its local speakers is active in which frame, and how each sounds.

    `activity` has the shape (frames, speakers), `embeddings` (speakers, values); the row of a speaker who is silent or
    too short to be told is NaN.
    """

    activity: Activity
    embeddings: Embeddings


@dataclass(frozen=True, slots=True)
class SectionWindows:
    """Hold a section's windows: `activity` (windows, frames, speakers), `embeddings` (windows, speakers, values)."""

    sample_count: int
    grid: Grid
    activity: Activity
    embeddings: Embeddings

    @classmethod
    def of(cls, sample_count: int, grid: Grid, windows: Sequence[WindowSpeakers]) -> SectionWindows:
        """Stack the windows of a section; at least one."""
        return cls(
            sample_count,
            grid,
            np.stack([window.activity for window in windows]),
            np.stack([window.embeddings for window in windows]),
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """Say which speaker each local speaker is (windows, speakers), or NOBODY, and how like it is, -1 to 1."""

    labels: Labels
    likeness: Vector

"""The vocabulary of diarization. All positions are samples at 16 kHz from the start of their section."""

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
    """Who a stream works for, and with which model."""

    flow: Flow
    model: ModelName


@dataclass(frozen=True, slots=True)
class Grid:
    """How a model slides over audio: windows of `size` every `step`, each giving `frames` frames.

    Frame i of a window is centred at its sample `frame_step * i + frame_centre`.
    """

    size: int
    step: int
    frames: int
    frame_step: int
    frame_centre: int

    def first_frame(self, window: int) -> int:
        """Return the frame of the section at which a window's first frame lies."""
        return round(window * self.step / self.frame_step)

    def section_frames(self, windows: int) -> int:
        """Return the number of frames in a section of `windows` windows."""
        return self.first_frame(windows - 1) + self.frames if windows else 0


@dataclass(frozen=True, slots=True)
class WindowSpeakers:
    """The result of one window: which local speakers are active in which frame, and their embeddings.

    `activity` has the shape (frames, speakers), `embeddings` (speakers, values). The row of a speaker who is silent, or
    speaks too briefly, is NaN.
    """

    activity: Activity
    embeddings: Embeddings


@dataclass(frozen=True, slots=True)
class SectionWindows:
    """The windows of a section: `activity` (windows, frames, speakers), `embeddings` (windows, speakers, values)."""

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
    """The speaker of each local speaker (windows, speakers), or NOBODY, and their similarity, -1 to 1."""

    labels: Labels
    likeness: Vector

"""The words of diarization. All positions are samples at 16 kHz from the start of their section."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from locution_speech.engine.models import FlowKey, TrafficClass, WeightName

Samples = npt.NDArray[np.float32]
Activity = npt.NDArray[np.bool_]
Embeddings = npt.NDArray[np.float16]
Vector = npt.NDArray[np.float32]
Labels = npt.NDArray[np.intp]

NOBODY = -1


@dataclass(frozen=True, slots=True)
class Flow:
    """Say for whom work is done, as far as an engine may know; `deadline` is in seconds of the event loop's clock."""

    key: FlowKey
    weight: int = 1
    traffic: TrafficClass = TrafficClass.FILE
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """Say for whom a stream is worked on, and with which weight."""

    flow: Flow
    weight: WeightName


@dataclass(frozen=True, slots=True)
class PcmChunk:
    """Hold s16le bytes and the position of their first sample in the section."""

    offset: int
    pcm: bytes


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
        """Count the frames of a section of so many windows."""
        return self.first_frame(windows - 1) + self.frames if windows else 0


@dataclass(frozen=True, slots=True)
class WindowVoices:
    """Hold what one window gave: who of its local speakers is active in which frame, and how each sounds.

    `activity` has the shape (frames, speakers), `embeddings` (speakers, values); the row of a speaker who is silent or
    too short to be told is NaN.
    """

    activity: Activity
    embeddings: Embeddings


@dataclass(frozen=True, slots=True)
class SectionVoices:
    """Hold a section's windows: `activity` (windows, frames, speakers), `embeddings` (windows, speakers, values)."""

    sample_count: int
    grid: Grid
    activity: Activity
    embeddings: Embeddings

    @classmethod
    def of(cls, sample_count: int, grid: Grid, windows: Sequence[WindowVoices]) -> SectionVoices:
        """Stack the windows of a section; at least one."""
        return cls(
            sample_count,
            grid,
            np.stack([window.activity for window in windows]),
            np.stack([window.embeddings for window in windows]),
        )


@dataclass(frozen=True, slots=True)
class Assignment:
    """Say which voice each local speaker has (windows, speakers), or NOBODY, and how like it is, -1 to 1."""

    labels: Labels
    likeness: Vector


@dataclass(frozen=True, slots=True)
class SpeakerHints:
    """Say what the caller knows about the number of speakers; each at least 1."""

    exact: int | None = None
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """Say that a speaker speaks from `start` to `end` (exclusive)."""

    start: int
    end: int
    speaker: int


@dataclass(frozen=True, slots=True)
class Voice:
    """Say how a speaker sounds: an embedding of unit length, and how many samples of speech are behind it."""

    speaker: int
    embedding: Vector
    speech_samples: int


@dataclass(frozen=True, slots=True)
class Timings:
    """Sum up the time that a section's windows took: each one's wait, and its share of its batch's computing."""

    queue_seconds: float = 0.0
    compute_seconds: float = 0.0
    windows: int = 0
    batch_sizes: int = 0

    @property
    def mean_batch_size(self) -> float:
        """Give the mean number of windows in their batches."""
        return self.batch_sizes / self.windows if self.windows else 0.0

    def add(self, *, queued: float, computed: float, batch_size: int) -> Timings:
        """Add a window."""
        return Timings(
            self.queue_seconds + queued,
            self.compute_seconds + computed,
            self.windows + 1,
            self.batch_sizes + batch_size,
        )


@dataclass(frozen=True, slots=True)
class SectionSpeakers:
    """Hold what Diarize says of a section: its local turns and voices, and the state that clustering needs again."""

    sample_count: int
    voices: tuple[Voice, ...]
    turns: tuple[Turn, ...]
    state: bytes

"""The ports of the core. Docstrings are obligations."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from locution_speech.engine.dispatch import BatchObserver
from locution_speech.engine.models import ModelName, ModelRecord, Timings
from locution_speech.pcm import Samples
from locution_speech.speakers import SectionSpeakers, SpeakerHints

from locution_diarizer.domain.models import Grid, Start, Vector, WindowSpeakers


class SpeakerModel(Protocol):
    """One loaded model. `analyse` and `centroids` block and may be called from several threads at once."""

    @property
    def grid(self) -> Grid:
        """Return how it slides over audio."""
        ...

    @property
    def exclusive(self) -> bool:
        """Tell whether two local speakers of one window must be different speakers of the recording."""
        ...

    @property
    def min_silence(self) -> int:
        """Return the samples of silence below which two turns of a speaker are joined."""
        ...

    def analyse(self, windows: Sequence[Samples]) -> list[WindowSpeakers]:
        """Analyse windows of `grid.size` samples; a window's result does not depend on the others."""
        ...

    def centroids(self, embeddings: Vector, share: float, hints: SpeakerHints) -> Vector:
        """Cluster embeddings (count, values), which are this share of all, and return centroids (speakers, values).

        Deterministic; returns at least one centroid.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model in memory: its model, its device ("cpu", "cuda:0"), and the most windows in a batch."""

    record: ModelRecord
    speaker_model: SpeakerModel
    device: str
    batch_size: int

    @property
    def memory(self) -> int:
        """Return the bytes of its files, an estimate of its memory."""
        return self.record.size


class ModelStore(Protocol):
    """Leases loaded models."""

    def lease(self, name: ModelName) -> AbstractAsyncContextManager[LoadedModel]:
        """Lease the model until the context ends. It stays loaded for that time, and concurrent leases load it once.

        Raises what ModelDirectory.get and ModelLoader.load raise, and ENGINE_OVERLOADED.
        """
        ...


class Observer(BatchObserver, Protocol):
    """Records what the engine does; never fails, never blocks."""

    def section(self, start: Start, section: SectionSpeakers, timings: Timings) -> None:
        """Record a finished section."""
        ...

    def clustered(self, sections: int, speakers: int) -> None:
        """Record a clustering."""
        ...

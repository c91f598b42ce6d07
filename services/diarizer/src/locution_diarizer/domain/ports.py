"""State what the core asks of the outside. Docstrings are obligations."""

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
    """Be one loaded model. `analyse` and `centroids` block and may be called from several threads at once."""

    @property
    def grid(self) -> Grid:
        """Tell how it slides over audio."""
        ...

    @property
    def exclusive(self) -> bool:
        """Tell whether two speakers of one window must be two speakers of the recording."""
        ...

    @property
    def min_silence(self) -> int:
        """Give the samples of silence below which two turns of a speaker are one."""
        ...

    def analyse(self, windows: Sequence[Samples]) -> list[WindowSpeakers]:
        """Analyse windows of `grid.size` samples each; each result is what the window alone would have given."""
        ...

    def centroids(self, embeddings: Vector, share: float, hints: SpeakerHints) -> Vector:
        """Find the speakers behind embeddings (count, values) that are this share of all: centroids (speakers, values).

        The same input gives the same output; at least one centroid comes back.
        """
        ...


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """Hold a model in memory: its model, the device it computes on ("cpu", "cuda:0"), and windows a batch at most."""

    record: ModelRecord
    speaker_model: SpeakerModel
    device: str
    batch_size: int

    @property
    def memory(self) -> int:
        """Return the bytes of its files, which stand for those that it occupies."""
        return self.record.size


class ModelStore(Protocol):
    """Lend loaded models."""

    def lease(self, name: ModelName) -> AbstractAsyncContextManager[LoadedModel]:
        """Lend the model until the context ends; it stays loaded for that long, and is loaded once however many ask.

        Raises what ModelDirectory.get and ModelLoader.load raise, and ENGINE_OVERLOADED.
        """
        ...


class Observer(BatchObserver, Protocol):
    """Take note of what the engine does; never fails, never blocks."""

    def section(self, start: Start, section: SectionSpeakers, timings: Timings) -> None:
        """Take note of a finished section."""
        ...

    def clustered(self, sections: int, speakers: int) -> None:
        """Take note of a clustering."""
        ...

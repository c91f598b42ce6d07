"""Serve streams: admit, lease the model, diarize, cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeVar

from locution_common.errors import Reason, Refused
from locution_speech.engine.admission import Admission
from locution_speech.engine.in_flight import InFlightLimiter
from locution_speech.engine.models import Timings
from locution_speech.pcm import Chunk
from locution_speech.speakers import SectionSpeakers, SpeakerHints

from locution_diarizer.core.cluster import Clustered, ClusterSections
from locution_diarizer.core.diarize import DiarizeSection
from locution_diarizer.core.dispatch import Analysing
from locution_diarizer.domain.models import Start
from locution_diarizer.domain.ports import LoadedModel, ModelStore, Observer

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Started:
    """The effective configuration of a section."""

    model: str
    checksum: str
    device: str


@dataclass(frozen=True, slots=True)
class Progress:
    """All audio before sample `end` is done."""

    end: int


@dataclass(frozen=True, slots=True)
class Done:
    """The result of a section, and the time spent on it."""

    section: SectionSpeakers
    timings: Timings


Event = Started | Progress | Done


@dataclass(frozen=True, slots=True)
class ClusterRule:
    """Limits of a clustering: packed bytes of all sections, and embeddings."""

    most_bytes: int
    most_embeddings: int


@dataclass(frozen=True, slots=True)
class Engine:
    """Diarize any number of sections at once through one dispatcher. `executor` clusters."""

    admission: Admission
    models: ModelStore
    dispatcher: Analysing
    executor: Executor
    longest: int
    limiter: InFlightLimiter
    clustering: ClusterRule
    observer: Observer

    async def diarize(self, start: Start, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[Event, None]:
        """Find the local speakers of one section."""
        with self.admission.admit():
            async with self.models.lease(start.model) as model:
                yield Started(model.record.name, model.record.checksum, model.device)
                with self.limiter.section(model.batch_size) as allowance:
                    section = DiarizeSection(self.dispatcher, model, start.flow, self.longest, allowance)
                    async with aclosing(section.run(chunks)) as ends:
                        async for end in ends:
                            yield Progress(end)
                found = await self._compute(lambda: self._cluster(model).local(section.result()))
                self.observer.section(start, found, section.timings)
                yield Done(found, section.timings)

    async def cluster(self, start: Start, hints: SpeakerHints, states: AsyncIterator[bytes]) -> Clustered:
        """Join sections into speakers of the recording. Refuses sections of another model with INVALID_REQUEST."""
        _check(hints)
        with self.admission.admit():
            async with self.models.lease(start.model) as model:
                packed = await self._collect(states)
                clustered = await self._compute(lambda: self._cluster(model).join(packed, hints))
        self.observer.clustered(len(clustered.sections), len(clustered.centroids))
        return clustered

    def _cluster(self, model: LoadedModel) -> ClusterSections:
        return ClusterSections(model.speaker_model, limit=self.clustering.most_embeddings)

    async def _collect(self, states: AsyncIterator[bytes]) -> list[bytes]:
        packed: list[bytes] = []
        held = 0
        async for state in states:
            held += len(state)
            if held > self.clustering.most_bytes:
                raise Refused(
                    Reason.INVALID_REQUEST, f"the sections are larger than {self.clustering.most_bytes} bytes together"
                )
            packed.append(state)
        return packed

    async def _compute(self, work: Callable[[], R]) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(self.executor, work)
        except (ArithmeticError, IndexError, MemoryError) as error:
            raise Refused(Reason.INFERENCE_FAILED, "the clustering failed") from error


def _check(hints: SpeakerHints) -> None:
    least, most = hints.minimum or 1, hints.maximum
    if most is not None and least > most:
        raise Refused(Reason.INVALID_REQUEST, "min_speaker_count is above max_speaker_count")
    if hints.exact is not None and not least <= hints.exact <= (most or hints.exact):
        raise Refused(Reason.INVALID_REQUEST, "speaker_count is outside min_speaker_count and max_speaker_count")

"""Join the local speakers of all sections into speakers of the recording, and write each section's turns.

It clusters the embeddings of every window's local speakers, as a clustering of the whole file would. Cutting a
recording into sections changes only the windows at the cuts. Memory is bounded: sections stay packed and are unpacked
one at a time, and at most `limit` embeddings enter the clustering, whose memory grows with their square.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from locution_speech.speakers import SectionSpeakers, SpeakerCentroid, SpeakerHints, Turn

from locution_diarizer.core.assign import assign, unit
from locution_diarizer.core.choose import Chosen, fit, spread
from locution_diarizer.core.reconstruct import turns
from locution_diarizer.core.section_state import pack, unpack
from locution_diarizer.domain.models import SectionWindows, Vector
from locution_diarizer.domain.ports import SpeakerModel


@dataclass(frozen=True, slots=True)
class Clustered:
    """The turns of each section, in order, and the centroids in order of first appearance."""

    sections: list[list[Turn[int]]]
    centroids: list[SpeakerCentroid]


class ClusterSections:
    """Cluster sections of one model. Blocks; deterministic."""

    def __init__(self, model: SpeakerModel, *, limit: int) -> None:
        self._model = model
        self._limit = limit

    def local(self, section: SectionWindows) -> SectionSpeakers:
        """Return the speakers of one section by itself."""
        clustered = self._run([section], [section], SpeakerHints())
        return SectionSpeakers(
            section.sample_count, tuple(clustered.centroids), tuple(clustered.sections[0]), pack(section)
        )

    def join(self, states: Sequence[bytes], hints: SpeakerHints) -> Clustered:
        """Join packed sections. Refuses a section of another model with INVALID_REQUEST."""
        grid = self._model.grid
        return self._run((unpack(s, grid) for s in states), (unpack(s, grid) for s in states), hints)

    def _run(self, first: Iterable[SectionWindows], again: Iterable[SectionWindows], hints: SpeakerHints) -> Clustered:
        centroids = self._centroids(first, hints)
        numbers = _Numbers()
        sections = [numbers.rename(self._turns(section, centroids)) for section in again]
        speech = numbers.speech(sections)
        centroids = unit(centroids)
        return Clustered(
            sections,
            [SpeakerCentroid(new, tuple(centroids[old].tolist()), speech[new]) for old, new in numbers.items()],
        )

    def _centroids(self, sections: Iterable[SectionWindows], hints: SpeakerHints) -> Vector:
        chosen = self._choose(sections)
        if not len(chosen.embeddings):
            return np.zeros((0, 1), dtype=np.float32)
        return self._model.centroids(chosen.embeddings, chosen.share, hints)

    def _choose(self, sections: Iterable[SectionWindows]) -> Chosen:
        return spread([fit(section) for section in sections], limit=self._limit)

    def _turns(self, section: SectionWindows, centroids: Vector) -> list[Turn[int]]:
        if not len(centroids) or not len(section.activity):
            return []
        found = turns(section, assign(section, centroids, exclusive=self._model.exclusive))
        return _without_gaps(found, self._model.min_silence)


class _Numbers:
    """Number speakers from 0 in order of first appearance."""

    def __init__(self) -> None:
        self._numbers: dict[int, int] = {}

    def rename(self, found: Iterable[Turn[int]]) -> list[Turn[int]]:
        return sorted(
            replace(turn, speaker=self._numbers.setdefault(turn.speaker, len(self._numbers))) for turn in found
        )

    def items(self) -> Iterator[tuple[int, int]]:
        return iter(self._numbers.items())

    def speech(self, sections: Iterable[Iterable[Turn[int]]]) -> list[int]:
        total = [0] * len(self._numbers)
        for turn in (turn for section in sections for turn in section):
            total[turn.speaker] += turn.length
        return total


def _without_gaps(found: Sequence[Turn[int]], silence: int) -> list[Turn[int]]:
    """Join turns of one speaker that are at most `silence` samples apart."""
    if not silence:
        return list(found)
    joined: dict[int, list[Turn[int]]] = {}
    for turn in found:
        turns_of_speaker = joined.setdefault(turn.speaker, [])
        if turns_of_speaker and turn.start - turns_of_speaker[-1].end <= silence:
            turns_of_speaker[-1] = replace(turns_of_speaker[-1], end=turn.end)
        else:
            turns_of_speaker.append(turn)
    return sorted(turn for turns_of_speaker in joined.values() for turn in turns_of_speaker)

"""Speakers: who speaks when, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from locution_speech.clock import Span

S = TypeVar("S", int, str)


@dataclass(frozen=True, slots=True, order=True)
class Turn(Span, Generic[S]):
    """A stretch in which a speaker speaks, by number or by label; turns of several speakers may overlap."""

    speaker: S


@dataclass(frozen=True, slots=True)
class SpeakerCentroid:
    """The centroid of a speaker: an embedding of unit length, and the samples of speech behind it."""

    speaker: int
    embedding: tuple[float, ...]
    samples: int


@dataclass(frozen=True, slots=True)
class SpeakerHints:
    """Hints about the number of speakers; each at least 1."""

    exact: int | None = None
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class SectionSpeakers:
    """The speakers of a section before sections are joined, and the opaque state that joining needs."""

    sample_count: int
    centroids: tuple[SpeakerCentroid, ...]
    turns: tuple[Turn[int], ...]
    state: bytes


def label(speaker: int) -> str:
    """Return the label of a speaker by number."""
    return f"SPEAKER_{speaker:02d}"

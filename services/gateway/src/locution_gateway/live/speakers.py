"""Speakers of a live session. Positions are samples."""

from __future__ import annotations

from dataclasses import dataclass

from locution_speech.speakers import SectionSpeakers, SpeakerCentroid


@dataclass(frozen=True, slots=True)
class HeardSpeakers:
    """The diarizer's result for a section; `body` is its opaque state for clustering."""

    section: SectionSpeakers
    body: bytes


@dataclass(frozen=True, slots=True)
class LiveSection:
    """A diarized final: its first sample, the object of its body, and its centroids.

    The centroids carry the numbers of the session's speakers.
    """

    final_id: int
    start: int
    key: str
    centroids: tuple[SpeakerCentroid, ...]

"""Who speaks in a live session. Positions are samples."""

from __future__ import annotations

from dataclasses import dataclass

from locution_speech.speakers import SectionSpeakers, SpeakerCentroid


@dataclass(frozen=True, slots=True)
class HeardSpeakers:
    """What a diarizer heard in a section; `body` is what its clustering needs again, opaque."""

    section: SectionSpeakers
    body: bytes


@dataclass(frozen=True, slots=True)
class LiveSection:
    """A final's audio as it was diarized: its first sample, the object of its body, and its centroids.

    The centroids' numbers are those of the session's speakers.
    """

    final_id: int
    start: int
    key: str
    centroids: tuple[SpeakerCentroid, ...]

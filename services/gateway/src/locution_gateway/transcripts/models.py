"""Transcripts. All positions are samples at 16 kHz from the start of the recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from locution_speech.speakers import Turn
from locution_speech.transcript import CoverageSpan, Segment

from locution_gateway.jobs.models import JobWarning


@dataclass(frozen=True, slots=True)
class Speaker:
    """A speaker, the samples that they spoke, and the voice that they were identified as."""

    label: str
    speech_samples: int
    voice: UUID | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class SectionTranscript:
    """The speech engine's result for one section of one channel; positions are in the recording."""

    segments: tuple[Segment, ...]
    coverage: tuple[CoverageSpan, ...]
    speech_samples: int
    queue_seconds: float = 0.0
    compute_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class TranscriptSummary:
    """A transcript without its segments. `turns` and `speakers` are None without diarization."""

    duration_samples: int
    language: str | None
    speakers: tuple[Speaker, ...] | None
    turns: tuple[Turn[str], ...] | None
    coverage: tuple[CoverageSpan, ...]
    speech_coverage: float | None
    segment_count: int
    # The job's warnings, filled in when the transcript is read.
    warnings: tuple[JobWarning, ...] = ()

    @property
    def names(self) -> Mapping[str, str]:
        """Return the display names of identified speakers, by label."""
        return {each.label: each.display_name for each in self.speakers or () if each.display_name is not None}


@dataclass(frozen=True, slots=True)
class FinishedSection:
    """A section with a stored transcript: its start in samples, and its channel, None if channels were mixed."""

    section: int
    channel: int | None
    start: int
    transcript: SectionTranscript

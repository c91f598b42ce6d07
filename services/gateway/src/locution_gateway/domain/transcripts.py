"""What was said, by whom and when. All positions are samples at 16 kHz from the start of the recording."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from locution_gateway.domain.jobs import JobWarning


class Outcome(StrEnum):
    """What became of a stretch of audio."""

    TRANSCRIBED = "TRANSCRIBED"
    NO_SPEECH = "NO_SPEECH"
    DROPPED = "DROPPED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class CoverageSpan:
    """What became of [start, end); `reason` says why it was dropped or failed."""

    start: int
    end: int
    outcome: Outcome
    reason: str | None = None
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Word:
    """One word without spaces around it. Probability and score are absent rather than 0 when unknown."""

    start: int
    end: int
    text: str
    probability: float | None = None
    alignment_score: float | None = None
    aligned: bool = True
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech of about a sentence, by one speaker; every word lies inside of it."""

    start: int
    end: int
    text: str
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    language: str | None = None
    language_probability: float | None = None
    mean_log_probability: float | None = None
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """A stretch in which a speaker speaks; turns of several speakers may overlap."""

    start: int
    end: int
    speaker: str


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who was heard, with the samples that they spoke, and the voice that they were recognised by."""

    label: str
    speech_samples: int
    voice: UUID | None = None
    display_name: str | None = None


@dataclass(frozen=True, slots=True)
class SectionTranscript:
    """What the speech engine gave for one section of one channel; positions are of the recording."""

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
    turns: tuple[Turn, ...] | None
    coverage: tuple[CoverageSpan, ...]
    speech_coverage: float | None
    segment_count: int
    # What the job's transcript lacks, filled in when it is read.
    warnings: tuple[JobWarning, ...] = ()

    @property
    def names(self) -> Mapping[str, str]:
        """Return what people call the speakers who were recognised, by label."""
        return {each.label: each.display_name for each in self.speakers or () if each.display_name is not None}

"""What the worker needs of the world: the stage queue, the engines, the recording."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from locution_speech.transcript import Segment

from locution_gateway.jobs.models import Failure, Job, JobWarning, Section, StageKind, StageLease
from locution_gateway.transcripts.models import SectionTranscript, TranscriptSummary

Progress = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class StageWork:
    """A claimed stage with what it works on. `sections` is empty for DECODE."""

    lease: StageLease
    job: Job
    sections: tuple[Section, ...]

    @property
    def section(self) -> Section:
        """Return the section of a TRANSCRIBE or DIARIZE stage."""
        return self.sections[self.lease.section]


@dataclass(frozen=True, slots=True)
class Decoded:
    """What decoding gave: PCM objects below `pcm_key` (one a channel) and the sections of the recording."""

    pcm_key: str
    audio_samples: int
    channels: int
    sections: tuple[Section, ...]
    warnings: tuple[JobWarning, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionResult:
    """What an engine gave for a section, or the clustering for all: bytes that are kept as they are."""

    body: bytes
    work_seconds: float


@dataclass(frozen=True, slots=True)
class Joined:
    """The transcript, what it lacks, and the speech that the detector found, summed over sections and channels."""

    summary: TranscriptSummary
    segments: tuple[Segment, ...]
    warnings: tuple[JobWarning, ...]
    speech_samples: int


@dataclass(frozen=True, slots=True)
class FinishedStage:
    """A sibling stage's outcome: `body` when DONE, `failure` when DEAD."""

    kind: StageKind
    section: int
    channel: int
    body: bytes | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class SpeechAnswer:
    """What the speech engine gave for a section; positions are of the section."""

    transcript: SectionTranscript
    checksum: str


Audio = Callable[[], AsyncIterator[bytes]]
"""Gives a section's mono s16le PCM at 16 kHz from its start, in chunks of whole samples."""


@dataclass(frozen=True, slots=True)
class Source:
    """The object that a job's upload became."""

    key: str
    size: int


class LeaseLostError(Exception):
    """The stage belongs to somebody else now, or is gone: nothing that this holder writes counts."""

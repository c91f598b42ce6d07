"""The ports of the worker: the stage queue, the engines, the recording."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from locution_speech.clock import SAMPLE_RATE
from locution_speech.transcript import Segment

from locution_gateway.jobs.models import Failure, Job, JobWarning, Section, StageKind, StageLease
from locution_gateway.media.models import Media
from locution_gateway.transcripts.models import SectionTranscript, TranscriptSummary

Progress = Callable[[int], None]

Onward = Callable[[], timedelta | None]
"""Called when a result is about to be stored. Returns for how long to lease the next stage, or None not to lease it."""

SHORT: Final = 60 * SAMPLE_RATE
"""Longest recording, in samples, whose stages follow each other in one worker without a turn in the queue.

Its duration alone counts, not its channels. For the audio in memory, duration × channels counts: see Decoded.
"""


@dataclass(frozen=True, slots=True)
class StageWork:
    """A claimed stage with its inputs. `sections` is empty for DECODE; `pcm` by channel saves reading the recording."""

    lease: StageLease
    job: Job
    sections: tuple[Section, ...]
    pcm: tuple[bytes, ...] = ()

    @property
    def section(self) -> Section:
        """Return the section of a TRANSCRIBE or DIARIZE stage."""
        return self.sections[self.lease.section]


@dataclass(frozen=True, slots=True)
class Decoded:
    """The result of decoding: PCM objects below `pcm_key` (one per channel), and the sections of the recording.

    `pcm` holds the recording too, by channel, if its channels together are SHORT. Only the stage right after DECODE
    gets it.
    """

    pcm_key: str
    audio_samples: int
    channels: int
    sections: tuple[Section, ...]
    warnings: tuple[JobWarning, ...] = ()
    media: Media | None = None
    pcm: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class SectionResult:
    """An engine's result for a section, or the clustering of all: bytes that are stored unchanged."""

    body: bytes
    work_seconds: float


@dataclass(frozen=True, slots=True)
class Joined:
    """The transcript, its warnings, and the speech that the detector found, summed over sections and channels."""

    summary: TranscriptSummary
    segments: tuple[Segment, ...]
    warnings: tuple[JobWarning, ...]
    speech_samples: int


@dataclass(frozen=True, slots=True)
class FinishedStage:
    """A sibling stage's outcome: `body` if DONE, `failure` if DEAD."""

    kind: StageKind
    section: int
    channel: int
    body: bytes | None
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class SpeechAnswer:
    """The speech engine's result for a section; positions are in the section."""

    transcript: SectionTranscript
    checksum: str


Audio = Callable[[], AsyncIterator[bytes]]
"""Yields a section's mono s16le PCM at 16 kHz from its start, in chunks of whole samples."""


@dataclass(frozen=True, slots=True)
class Source:
    """The object of a job's upload."""

    key: str
    size: int


class LeaseLostError(Exception):
    """Another worker holds the stage now, or it is gone: this holder's writes have no effect."""

"""What the worker needs of the world: the stage queue, the engines, the recording."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from locution_speech.engine.models import Flow
from locution_speech.transcript import Segment

from locution_gateway.jobs.config import JobConfig
from locution_gateway.jobs.models import Failure, Job, JobWarning, Section, StageKind, StageLease
from locution_gateway.transcripts.models import SectionTranscript, TranscriptSummary
from locution_gateway.voices.clusterings import Clustering

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


class StageStore(Protocol):
    """The queue of stages. Time is the database's; every write but `claim` is fenced by the lease's token.

    A write under a lease that was lost changes zero rows and raises LeaseLostError.
    """

    async def claim(self, worker: str, lease: timedelta, kinds: Sequence[StageKind]) -> StageLease | None:
        """Take the next stage that is ready, fairly between tenants; None when there is none."""

    async def begin(self, lease: StageLease) -> StageWork:
        """Load what the stage works on and set its job RUNNING. Raises LeaseLostError when the job is gone."""

    async def renew(self, lease: StageLease, duration: timedelta, done_samples: int) -> bool:
        """Renew the lease, store progress, and return whether cancellation is wanted, in one statement."""

    async def finish_decode(self, lease: StageLease, decoded: Decoded) -> None:
        """Keep what decoding gave and make the sections' stages ready."""

    async def finish_section(self, lease: StageLease, result: SectionResult) -> None:
        """Keep the result of a TRANSCRIBE, DIARIZE or CLUSTER stage."""

    async def finish_join(self, lease: StageLease, joined: Joined) -> None:
        """Keep the transcript and end the job as SUCCEEDED."""

    async def give_back(self, lease: StageLease, failure: Failure, delay: timedelta, max_age: timedelta) -> None:
        """Make the stage ready after `delay` without using an attempt; dead once the job is older than max_age."""

    async def fail(self, lease: StageLease, failure: Failure, delay: timedelta | None, max_attempts: int) -> None:
        """Make the stage ready again after `delay`, or dead when that is None or the attempts are used up."""

    async def cancel(self, lease: StageLease) -> None:
        """End the stage as CANCELLED, because its job is to be cancelled."""

    async def finished(self, lease: StageLease, kinds: Sequence[StageKind]) -> tuple[FinishedStage, ...]:
        """Return the job's stages of these kinds that are DONE or DEAD, by kind, section and channel."""

    async def sweep(self, max_attempts: int, backoff: timedelta, limit: int) -> int:
        """Return or bury stages whose holder went silent, end cancelled jobs, and return how many were touched."""


@dataclass(frozen=True, slots=True)
class SpeechAnswer:
    """What the speech engine gave for a section; positions are of the section."""

    transcript: SectionTranscript
    checksum: str


Audio = Callable[[], AsyncIterator[bytes]]
"""Gives a section's mono s16le PCM at 16 kHz from its start, in chunks of whole samples."""


class SpeechEngine(Protocol):
    """Speech to text.

    Refused with a `retry_after` when the engine did nothing.
    """

    async def transcribe(
        self, flow: Flow, config: JobConfig, model: str, audio: Audio, progress: Progress
    ) -> SpeechAnswer:
        """Transcribe one section, reporting samples done as it goes."""


class DiarizationEngine(Protocol):
    """Who spoke when. Raises as SpeechEngine does."""

    async def diarize(self, flow: Flow, model: str, audio: Audio, progress: Progress) -> SectionResult:
        """Find one section's local speakers; the body is opaque and goes into `cluster`."""

    async def cluster(self, flow: Flow, config: JobConfig, sections: Sequence[bytes]) -> Clustering:
        """Join the sections' speakers into speakers of the recording; spans for each section, in order."""


class Recording(Protocol):
    """A job's decoded audio."""

    def read(self, pcm_key: str, channel: int, section: Section) -> AsyncIterator[bytes]:
        """Give the section's mono s16le PCM at 16 kHz in chunks of whole samples, memory flat in its length."""


class Decoder(Protocol):
    """Makes PCM of media."""

    async def decode(self, work: StageWork, progress: Progress) -> Decoded:
        """Decode the job's upload, keep its PCM, cut it at pauses. Raises the media errors of the catalogue."""

    async def discard(self, lease: StageLease) -> None:
        """Delete what an attempt kept whose lease was lost: nobody will use it."""

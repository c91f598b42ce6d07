"""What the api needs of the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from locution_speech.transcript import Segment

from locution_gateway.jobs.models import Job
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import Principal
from locution_gateway.transcripts.models import SectionTranscript, TranscriptSummary


@dataclass(frozen=True, slots=True)
class FinishedSection:
    """A section whose transcript is kept: its start in samples, and its channel, None when channels were mixed."""

    section: int
    channel: int | None
    start: int
    transcript: SectionTranscript


class TranscriptStore(Protocol):
    """Transcripts of a tenant's jobs. Absent and foreign jobs raise JOB_NOT_FOUND alike."""

    async def summary(self, principal: Principal, job_id: JobId) -> tuple[Job, TranscriptSummary | None]:
        """Return the job and its transcript's summary, None while there is none."""

    async def size(self, principal: Principal, job_id: JobId) -> int:
        """Return about how many bytes its segments take."""

    async def segments(self, principal: Principal, job_id: JobId, start: int, limit: int) -> Sequence[Segment]:
        """Return up to `limit` segments from a position on."""

    async def sections(self, principal: Principal, job_id: JobId, start: int, limit: int) -> Sequence[FinishedSection]:
        """Return finished sections of a job from a section on, all channels of at most `limit` sections."""

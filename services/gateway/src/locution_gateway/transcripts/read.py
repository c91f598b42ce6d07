"""Read transcripts, whole or page by page, also while the job runs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from locution_common.errors import Reason, Refused
from locution_speech.transcript import Segment

from locution_gateway.jobs.models import Job, JobState
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.listing import Position
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal
from locution_gateway.transcripts.models import FinishedSection, TranscriptSummary
from locution_gateway.transcripts.postgres import PostgresTranscripts

PAGE: Final = 200
BATCH: Final = 500

# Stored JSON is larger than the message: a transcript far beyond this is not even read.
STORED_LIMIT: Final = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class SegmentPage:
    """Segments in order, the index of the first, and whether the job has ended."""

    segments: tuple[Segment, ...]
    first: int
    next_token: str
    complete: bool


class ReadTranscripts:
    """Reads the transcripts of a tenant's jobs."""

    def __init__(self, transcripts: PostgresTranscripts) -> None:
        self._transcripts = transcripts

    async def whole(self, principal: Principal, job_id: JobId) -> tuple[Job, TranscriptSummary, Sequence[Segment]]:
        """Return a transcript. Refuses with TRANSCRIPT_NOT_READY, and TRANSCRIPT_TOO_LARGE for a huge one."""
        job, summary = await self.ready(principal, job_id)
        if await self._transcripts.size(principal, job_id) > STORED_LIMIT:
            raise Refused(Reason.TRANSCRIPT_TOO_LARGE)
        return job, summary, await self._transcripts.segments(principal, job_id, 0, summary.segment_count)

    async def ready(self, principal: Principal, job_id: JobId) -> tuple[Job, TranscriptSummary]:
        """Return a job and its transcript's summary. Refuses with TRANSCRIPT_NOT_READY."""
        job, summary = await self._transcripts.summary(principal, job_id)
        if summary is None or job.state is not JobState.SUCCEEDED:
            raise Refused(Reason.TRANSCRIPT_NOT_READY, f"the job is {job.state.value}: there is no transcript")
        return job, replace(summary, warnings=job.warnings)

    async def stream(self, principal: Principal, job_id: JobId) -> AsyncIterator[Segment]:
        """Yield every segment in order, with a few hundred in memory."""
        place = 0
        while segments := await self._transcripts.segments(principal, job_id, place, BATCH):
            for segment in segments:
                yield segment
            place += len(segments)

    async def page(self, principal: Principal, job_id: JobId, size: int, token: str) -> SegmentPage:
        """Return a page of segments: of the transcript, or of the finished sections while the job runs.

        Refuses with JOB_NOT_FOUND, PAGE_TOKEN_INVALID, and TRANSCRIPT_NOT_READY for a job that ended without one.
        """
        job, summary = await self._transcripts.summary(principal, job_id)
        if summary is None and job.state.terminal:
            raise Refused(Reason.TRANSCRIPT_NOT_READY, f"the job is {job.state.value}: there is no transcript")
        binding = Binding(principal, "segments", str(job_id))
        after = binding.position(token)
        place = _Place.at(after)
        if place is None:
            place = _Place(partial=summary is None)
        if place.partial:
            return await self._partial(principal, job_id, page_size(size, PAGE), place, binding)
        return await self._final(principal, job_id, page_size(size, PAGE), place, binding)

    async def _final(
        self, principal: Principal, job_id: JobId, size: int, place: _Place, binding: Binding
    ) -> SegmentPage:
        found = await self._transcripts.segments(principal, job_id, place.count, size + 1)
        more = replace(place, count=place.count + size).position() if len(found) > size else None
        return SegmentPage(tuple(found[:size]), place.count, binding.token(more), True)

    async def _partial(
        self, principal: Principal, job_id: JobId, size: int, place: _Place, binding: Binding
    ) -> SegmentPage:
        """Read sections until the page is full and one more segment is known."""
        taken: list[tuple[_Place, Segment]] = []
        section, skip = place.section, place.index
        while len(taken) <= size:
            sections = await self._transcripts.sections(principal, job_id, section, 1)
            if not sections:
                break
            if sections[0].section != section:
                skip = 0
            section = sections[0].section
            for index, segment in list(enumerate(in_order(sections)))[skip:]:
                taken.append((_Place(True, place.count + len(taken), section, index), segment))
            section, skip = section + 1, 0
        more = taken[size][0].position() if len(taken) > size else None
        return SegmentPage(tuple(segment for _, segment in taken[:size]), place.count, binding.token(more), False)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a page starts: the number of earlier segments, and while the job runs, the position in its section."""

    partial: bool
    count: int = 0
    section: int = 0
    index: int = 0

    def position(self) -> Position:
        return Position(f"{int(self.partial)}.{self.count}.{self.section}.{self.index}", UUID(int=0))

    @classmethod
    def at(cls, position: Position | None) -> _Place | None:
        if position is None:
            return None
        try:
            partial, count, section, index = (int(text) for text in position.key.split("."))
        except ValueError:
            raise Refused(Reason.PAGE_TOKEN_INVALID, field="page_token") from None
        if min(partial, count, section, index) < 0 or max(count, section, index) >= 2**31:
            raise Refused(Reason.PAGE_TOKEN_INVALID, field="page_token")
        return cls(bool(partial), count, section, index)


def in_order(sections: Sequence[FinishedSection]) -> list[Segment]:
    """Return the segments of one section's channels ordered by time, placed in the recording."""
    moved = [
        replace(segment.moved(found.start), channel=found.channel)
        for found in sections
        for segment in found.transcript.segments
    ]
    return sorted(moved, key=lambda segment: (segment.start, segment.channel or 0))

"""Plain text: a line a segment, with its speaker where there is one."""

from __future__ import annotations

from collections.abc import AsyncIterator

from locution_gateway.domain.transcripts import Segment, TranscriptSummary
from locution_gateway.export.text import one_line


async def write(name: str, summary: TranscriptSummary, segments: AsyncIterator[Segment]) -> AsyncIterator[str]:
    """Yield a line for each segment."""
    async for segment in segments:
        speaker = "" if segment.speaker is None else f"{one_line(segment.speaker)}: "
        yield f"{speaker}{one_line(segment.text)}\n"

"""Plain text: a line a segment, with its speaker, by name where it is known."""

from __future__ import annotations

from collections.abc import AsyncIterator

from locution_speech.transcript import Segment

from locution_gateway.domain.transcripts import TranscriptSummary
from locution_gateway.export.text import one_line, spoken_by


async def write(name: str, summary: TranscriptSummary, segments: AsyncIterator[Segment]) -> AsyncIterator[str]:
    """Yield a line for each segment."""
    async for segment in segments:
        who = spoken_by(segment, summary)
        speaker = "" if who is None else f"{who}: "
        yield f"{speaker}{one_line(segment.text)}\n"

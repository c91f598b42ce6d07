"""Plain text: one line per segment, with its speaker, by name if known."""

from __future__ import annotations

from collections.abc import AsyncIterator

from locution_speech.transcript import Segment

from locution_gateway.transcripts.formats.text import one_line, spoken_by
from locution_gateway.transcripts.models import TranscriptSummary


async def write(name: str, summary: TranscriptSummary, segments: AsyncIterator[Segment]) -> AsyncIterator[str]:
    """Yield one line per segment."""
    async for segment in segments:
        who = spoken_by(segment, summary)
        speaker = "" if who is None else f"{who}: "
        yield f"{speaker}{one_line(segment.text)}\n"

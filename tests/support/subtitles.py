"""What every cue keeps, whatever was said."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from itertools import pairwise

from locution_gateway.transcripts.formats.cues import Cue, cues
from locution_gateway.transcripts.formats.layout import Layout
from locution_gateway.transcripts.models import TranscriptSummary
from locution_speech.clock import seconds
from locution_speech.transcript import Segment

SHORTEST = 833
"""The least time of a cue that another one does not follow at once, in milliseconds."""


async def cut(segments: Sequence[Segment], layout: Layout, length: int) -> list[Cue]:
    """Return the cues of a transcript of `length` samples."""

    async def each() -> AsyncIterator[Segment]:
        for segment in segments:
            yield segment

    summary = TranscriptSummary(length, None, None, None, (), None, 0)
    return [cue async for cue in cues(each(), summary, layout)]


def broken(found: Sequence[Cue], layout: Layout) -> Iterator[str]:
    """Yield each limit that a cue breaks: lines, characters, seconds, order."""
    for cue in found:
        if not 1 <= len(cue.lines) <= layout.lines:
            yield f"{len(cue.lines)} lines: {cue}"
        if cue.width not in {layout.width, layout.wide_width} or not all(
            0 < len(line) <= cue.width for line in cue.lines
        ):
            yield f"a line of more than {cue.width} characters, or none: {cue}"
        if not 0 < cue.end - cue.start <= seconds(layout.longest) * 1000:
            yield f"{cue.end - cue.start} ms: {cue}"
    for cue, following in pairwise(found):
        if cue.end > following.start:
            yield f"overlap: {cue}, {following}"
        if cue.end - cue.start < SHORTEST and cue.end != following.start:
            yield f"too short: {cue}"

"""Rich Transcription Time Marked: one line per speaker turn (NIST RT-09 evaluation plan, appendix A)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

from locution_speech.clock import SAMPLE_RATE
from locution_speech.transcript import Segment

from locution_gateway.transcripts.models import TranscriptSummary


async def write(name: str, summary: TranscriptSummary, segments: AsyncIterator[Segment]) -> AsyncIterator[str]:
    """Yield one line per turn; fields hold no spaces, so those in names become "_"."""
    for turn in summary.turns or ():
        start, length = turn.start / SAMPLE_RATE, (turn.end - turn.start) / SAMPLE_RATE
        yield f"SPEAKER {_field(name)} 1 {start:.3f} {length:.3f} <NA> <NA> {_field(turn.speaker)} <NA> <NA>\n"


def _field(text: str) -> str:
    return re.sub(r"\s+", "_", text.strip()) or "_"

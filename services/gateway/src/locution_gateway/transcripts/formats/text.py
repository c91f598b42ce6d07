"""Text that is safe in one line of a file."""

from __future__ import annotations

import re
from typing import Final

from locution_speech.transcript import Segment

from locution_gateway.transcripts.models import TranscriptSummary

# C0 and C1 controls, and the separators that some readers treat as line ends.
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def one_line(text: str) -> str:
    """Return the text with every run of control characters and line ends as one space, and stripped."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def spoken_by(segment: Segment, summary: TranscriptSummary) -> str | None:
    """Return a segment's speaker: the name if identified, else the label, None without a speaker."""
    if segment.speaker is None:
        return None
    return one_line(summary.names.get(segment.speaker, segment.speaker))

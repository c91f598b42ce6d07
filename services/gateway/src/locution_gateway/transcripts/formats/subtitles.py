"""SubRip and WebVTT subtitles, one cue per segment.

Cue text comes from a model and is never markup. WebVTT has escapes (W3C WebVTT, 4.2.2). SubRip has none, so characters
that players take for markup are replaced by look-alikes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from locution_speech.clock import SAMPLE_RATE
from locution_speech.transcript import Segment

from locution_gateway.transcripts.formats.text import one_line, spoken_by
from locution_gateway.transcripts.models import TranscriptSummary

_VTT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SRT: Final = str.maketrans({"<": "\u2039", ">": "\u203a", "{": "(", "}": ")"})


async def write_srt(name: str, summary: TranscriptSummary, segments: AsyncIterator[Segment]) -> AsyncIterator[str]:
    """Yield numbered cues."""
    number = 0
    async for segment in segments:
        if text := _spoken(segment, summary):
            number += 1
            yield f"{number}\n{_times(segment, ',')}\n{text.translate(_SRT)}\n\n"


async def write_vtt(name: str, summary: TranscriptSummary, segments: AsyncIterator[Segment]) -> AsyncIterator[str]:
    """Yield the header, then cues with voice tags."""
    yield "WEBVTT\n\n"
    async for segment in segments:
        if text := one_line(segment.text).translate(_VTT):
            who = spoken_by(segment, summary)
            voice = "" if who is None else f"<v {who.translate(_VTT)}>"
            yield f"{_times(segment, '.')}\n{voice}{text}\n\n"


def _spoken(segment: Segment, summary: TranscriptSummary) -> str:
    text, name = one_line(segment.text), spoken_by(segment, summary)
    return text if name is None or not text else f"{name}: {text}"


def _times(segment: Segment, mark: str) -> str:
    """Return the cue's times; a cue lasts at least a millisecond."""
    start = _milliseconds(segment.start)
    end = max(_milliseconds(segment.end), start + 1)
    return f"{_clock(start, mark)} --> {_clock(end, mark)}"


def _milliseconds(samples: int) -> int:
    return round(samples * 1000 / SAMPLE_RATE)


def _clock(milliseconds: int, mark: str) -> str:
    rest, fraction = divmod(milliseconds, 1000)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}{mark}{fraction:03d}"

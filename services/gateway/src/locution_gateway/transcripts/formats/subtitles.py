"""SubRip and WebVTT subtitles.

Cue text comes from a model and is never markup. WebVTT has escapes (W3C WebVTT, 4.2.2). SubRip has none, so characters
that players take for markup are replaced by look-alikes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from locution_speech.transcript import Segment

from locution_gateway.transcripts.formats.cues import Cue, cues
from locution_gateway.transcripts.formats.layout import Layout, SpeakerStyle
from locution_gateway.transcripts.models import TranscriptSummary

_VTT: Final = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_SRT: Final = str.maketrans({"<": "\u2039", ">": "\u203a", "{": "(", "}": ")"})


async def write_srt(
    layout: Layout, name: str, summary: TranscriptSummary, segments: AsyncIterator[Segment]
) -> AsyncIterator[str]:
    """Yield numbered cues; the format's own style of speakers is PREFIX."""
    number = 0
    async for cue in cues(segments, summary, replace(layout, speakers=layout.speakers or SpeakerStyle.PREFIX)):
        number += 1
        yield f"{number}\n{_times(cue, ',')}\n{_text(cue).translate(_SRT)}\n\n"


async def write_vtt(
    layout: Layout, name: str, summary: TranscriptSummary, segments: AsyncIterator[Segment]
) -> AsyncIterator[str]:
    """Yield the header, then cues; the format's own style of speakers is VOICE."""
    style = layout.speakers or SpeakerStyle.VOICE
    yield "WEBVTT\n\n"
    async for cue in cues(segments, summary, replace(layout, speakers=style)):
        voiced = style is SpeakerStyle.VOICE and cue.speaker is not None
        voice = f"<v {(cue.speaker or '').translate(_VTT)}>" if voiced else ""
        note = f"NOTE {cue.reading_speed:.1f} characters per second\n\n" if layout.reading_speed else ""
        yield f"{note}{_times(cue, '.')}\n{voice}{_text(cue).translate(_VTT)}\n\n"


def _text(cue: Cue) -> str:
    return "\n".join(cue.lines)


def _times(cue: Cue, mark: str) -> str:
    return f"{_clock(cue.start, mark)} --> {_clock(cue.end, mark)}"


def _clock(milliseconds: int, mark: str) -> str:
    rest, fraction = divmod(milliseconds, 1000)
    minutes, second = divmod(rest, 60)
    hour, minute = divmod(minutes, 60)
    return f"{hour:02d}:{minute:02d}:{second:02d}{mark}{fraction:03d}"

"""Transcripts as files: each format is a function from a summary and a stream of segments to a stream of text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from enum import Enum, auto
from functools import partial
from typing import TypeAlias, assert_never

from locution_speech.transcript import Segment

from locution_gateway.transcripts.formats import json_file, rttm, subtitles, txt
from locution_gateway.transcripts.formats.layout import BROADCAST, Layout
from locution_gateway.transcripts.models import TranscriptSummary

Write: TypeAlias = Callable[[str, TranscriptSummary, AsyncIterator[Segment]], AsyncIterator[str]]


class Format(Enum):
    """File formats."""

    TXT = auto()
    SRT = auto()
    VTT = auto()
    JSON = auto()
    RTTM = auto()


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one format: `write` takes the recording's name, the summary, and the segments in order."""

    media_type: str
    write: Write


def writer(format: Format, layout: Layout = BROADCAST) -> Writer:
    """Return a format's writer; subtitles have the layout."""
    match format:
        case Format.TXT:
            return Writer("text/plain; charset=utf-8", txt.write)
        case Format.SRT:
            return Writer("application/x-subrip; charset=utf-8", partial(subtitles.write_srt, layout))
        case Format.VTT:
            return Writer("text/vtt; charset=utf-8", partial(subtitles.write_vtt, layout))
        case Format.JSON:
            return Writer("application/json", json_file.write)
        case Format.RTTM:
            return Writer("text/plain; charset=utf-8", rttm.write)
    assert_never(format)

"""Transcripts as files: each format is a function from a summary and a stream of segments to a stream of text."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, TypeAlias

from locution_speech.transcript import Segment

from locution_gateway.transcripts.formats import json_file, rttm, subtitles, txt
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


WRITERS: Final[Mapping[Format, Writer]] = {
    Format.TXT: Writer("text/plain; charset=utf-8", txt.write),
    Format.SRT: Writer("application/x-subrip; charset=utf-8", subtitles.write_srt),
    Format.VTT: Writer("text/vtt; charset=utf-8", subtitles.write_vtt),
    Format.JSON: Writer("application/json", json_file.write),
    Format.RTTM: Writer("text/plain; charset=utf-8", rttm.write),
}

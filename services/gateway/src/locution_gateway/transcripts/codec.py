"""Domain values as JSON for jsonb columns, and section transcripts as bytes."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, Final

from locution_speech.transcript import Segment
from pydantic import TypeAdapter

from locution_gateway.platform.codec import Codec
from locution_gateway.transcripts.models import SectionTranscript, TranscriptSummary

SUMMARY: Final = Codec(TypeAdapter(TranscriptSummary), keep_none=True)


SEGMENT: Final = Codec(TypeAdapter(Segment), drop_defaults=True)


_SECTION: Final[TypeAdapter[SectionTranscript]] = TypeAdapter(SectionTranscript)


def dump_section(section: SectionTranscript) -> bytes:
    """Return a section's transcript as zlib-compressed JSON, the body of a TRANSCRIBE stage's result."""
    return zlib.compress(_SECTION.dump_json(section, exclude_defaults=True))


def load_section(body: bytes) -> SectionTranscript:
    """Read a section's transcript."""
    return _SECTION.validate_json(zlib.decompress(body))


def dump_segments(segments: Iterable[Segment]) -> list[Any]:
    """Return segments as JSON values, one per row of `gateway.segments`."""
    return [SEGMENT.dump(segment) for segment in segments]

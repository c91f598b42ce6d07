"""Domain values as JSON for jsonb columns, and section transcripts as bytes.

What is None is left out, and of segments, which are many, what has its default.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any, Final, Generic, TypeVar

from locution_speech.transcript import Segment
from pydantic import TypeAdapter

from locution_gateway.domain.config import JobConfig, JobRequestConfig
from locution_gateway.domain.jobs import Failure, JobWarning
from locution_gateway.domain.transcripts import SectionTranscript, TranscriptSummary

T = TypeVar("T")


class Codec(Generic[T]):
    """Turns one type into plain JSON values and back."""

    def __init__(self, adapter: TypeAdapter[T], *, keep_none: bool = False, drop_defaults: bool = False) -> None:
        self._adapter = adapter
        self._exclude_none = not keep_none
        self._exclude_defaults = drop_defaults

    def dump(self, value: T) -> Any:
        """Return JSON values, for a parameter of type jsonb."""
        return self._adapter.dump_python(
            value, mode="json", exclude_none=self._exclude_none, exclude_defaults=self._exclude_defaults
        )

    def load(self, value: Any) -> T:
        """Read JSON values back; raises pydantic.ValidationError for anything else."""
        return self._adapter.validate_python(value)


REQUEST: Final = Codec(TypeAdapter(JobRequestConfig))
CONFIG: Final = Codec(TypeAdapter(JobConfig))
WARNINGS: Final = Codec(TypeAdapter(tuple[JobWarning, ...]))
FAILURE: Final = Codec(TypeAdapter(Failure))
SUMMARY: Final = Codec(TypeAdapter(TranscriptSummary), keep_none=True)
SEGMENT: Final = Codec(TypeAdapter(Segment), drop_defaults=True)

_SECTION: Final[TypeAdapter[SectionTranscript]] = TypeAdapter(SectionTranscript)


def dump_section(section: SectionTranscript) -> bytes:
    """Return a section's transcript as zlib-compressed JSON, the body of a TRANSCRIBE stage's result."""
    return zlib.compress(_SECTION.dump_json(section, exclude_defaults=True))


def load_section(body: bytes) -> SectionTranscript:
    """Read a section's transcript back."""
    return _SECTION.validate_json(zlib.decompress(body))


def dump_segments(segments: Iterable[Segment]) -> list[Any]:
    """Return segments as JSON values, one for each row of `gateway.segments`."""
    return [SEGMENT.dump(segment) for segment in segments]

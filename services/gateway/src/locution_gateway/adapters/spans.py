"""Speakers' spans as bytes, the result of a CLUSTER stage."""

from __future__ import annotations

import json
import zlib

from locution_gateway.domain.stages import SpeakerSpan

Spans = tuple[tuple[SpeakerSpan, ...], ...]


def dump_spans(spans: Spans) -> bytes:
    """Return zlib-compressed JSON: for each section a list of [start, end, speaker]."""
    values = [[[span.start, span.end, span.speaker] for span in section] for section in spans]
    return zlib.compress(json.dumps(values, separators=(",", ":")).encode())


def load_spans(body: bytes) -> Spans:
    """Read spans back."""
    return tuple(tuple(SpeakerSpan(*span) for span in section) for section in json.loads(zlib.decompress(body)))

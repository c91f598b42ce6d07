"""Check answers of engines: an impossible answer is a failed attempt, never part of a transcript."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from locution_common.errors import Reason, Refused
from locution_speech.speakers import Turn
from locution_speech.transcript import Segment

from locution_gateway.transcripts.models import SectionTranscript


def check_section(transcript: SectionTranscript, samples: int) -> None:
    """Refuse with INFERENCE_FAILED unless every sample is covered once and all text lies inside the section."""
    place = 0
    for span in transcript.coverage:
        if span.start != place or not span.length:
            raise _nonsense(f"its coverage goes from {place} to a span of {span.start} to {span.end}")
        place = span.end
    if place != samples:
        raise _nonsense(f"its coverage ends at {place} of {samples} samples")
    for segment in transcript.segments:
        if not _inside(segment, samples):
            raise _nonsense(f"a segment stands at {segment.start} to {segment.end} of {samples} samples")


def check_spans(spans: Iterable[Turn[int]], samples: int) -> None:
    """Refuse with INFERENCE_FAILED unless every span has a speaker and lies inside the section."""
    for span in spans:
        if not (span.length and span.end <= samples and span.speaker >= 0):
            raise _nonsense(f"speaker {span.speaker} speaks from {span.start} to {span.end} of {samples} samples")


def check_centroids(centroids: Iterable[Sequence[float]]) -> None:
    """Refuse with INFERENCE_FAILED unless every centroid consists of finite numbers."""
    if not all(math.isfinite(value) for centroid in centroids for value in centroid):
        raise _nonsense("a centroid is not of numbers")


def _inside(segment: Segment, samples: int) -> bool:
    return all(span.end <= samples for span in (segment, *segment.words))


def _nonsense(what: str) -> Refused:
    return Refused(Reason.INFERENCE_FAILED, f"the engine's answer is impossible: {what}")

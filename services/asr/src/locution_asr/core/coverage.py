"""Account for every sample of a section."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from locution_asr.domain.models import CoverageSpan, Outcome, Span


def partition(length: int, spans: Iterable[CoverageSpan]) -> tuple[CoverageSpan, ...]:
    """Return spans from 0 to `length` without gap or overlap; what no span names held no speech.

    `spans` come in order; where two overlap, the earlier one keeps its samples. Equal neighbours are joined.
    """
    return tuple(_joined(_filled(length, spans)))


def check(length: int, spans: Sequence[CoverageSpan]) -> None:
    """Raise ValueError unless the spans cover 0 to `length` exactly, in order."""
    at = 0
    for item in spans:
        if item.span.start != at or item.span.length == 0:
            raise ValueError(f"coverage breaks at {at}: {item.span}")
        at = item.span.end
    if at != length:
        raise ValueError(f"coverage ends at {at}, the section at {length}")


def _filled(length: int, spans: Iterable[CoverageSpan]) -> Iterator[CoverageSpan]:
    at = 0
    for item in spans:
        start, end = max(at, min(item.span.start, length)), min(item.span.end, length)
        if start > at:
            yield CoverageSpan(Span(at, start), Outcome.NO_SPEECH)
        if end > start:
            yield CoverageSpan(Span(start, end), item.outcome, item.reason)
        at = max(at, end)
    if at < length:
        yield CoverageSpan(Span(at, length), Outcome.NO_SPEECH)


def _joined(spans: Iterable[CoverageSpan]) -> Iterator[CoverageSpan]:
    held: CoverageSpan | None = None
    for item in spans:
        if held and (held.outcome, held.reason) == (item.outcome, item.reason):
            held = CoverageSpan(Span(held.span.start, item.span.end), held.outcome, held.reason)
            continue
        if held:
            yield held
        held = item
    if held:
        yield held

"""Account for every sample of a section."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from locution_speech.transcript import CoverageSpan, Outcome


def partition(length: int, spans: Iterable[CoverageSpan]) -> tuple[CoverageSpan, ...]:
    """Return spans from 0 to `length` without gap or overlap. Unnamed audio holds no speech.

    `spans` are in order; where two overlap, the earlier one keeps its samples. Equal neighbours are joined.
    """
    return tuple(merged(_filled(length, spans)))


def check(length: int, spans: Sequence[CoverageSpan]) -> None:
    """Raise ValueError unless the spans cover 0 to `length` exactly, in order."""
    at = 0
    for item in spans:
        if item.start != at or item.length == 0:
            raise ValueError(f"gap or overlap in the coverage at {at}: {item}")
        at = item.end
    if at != length:
        raise ValueError(f"the coverage ends at {at}, the section at {length}")


def _filled(length: int, spans: Iterable[CoverageSpan]) -> Iterator[CoverageSpan]:
    at = 0
    for item in spans:
        start, end = max(at, min(item.start, length)), min(item.end, length)
        if start > at:
            yield CoverageSpan(at, start, Outcome.NO_SPEECH)
        if end > start:
            yield CoverageSpan(start, end, item.outcome, item.reason)
        at = max(at, end)
    if at < length:
        yield CoverageSpan(at, length, Outcome.NO_SPEECH)


def merged(spans: Iterable[CoverageSpan]) -> Iterator[CoverageSpan]:
    """Join neighbours of the same outcome and reason; spans that do not touch stay apart."""
    held: CoverageSpan | None = None
    for item in spans:
        if held and (held.end, held.outcome, held.reason) == (item.start, item.outcome, item.reason):
            held = replace(held, end=item.end)
            continue
        if held:
            yield held
        held = item
    if held:
        yield held

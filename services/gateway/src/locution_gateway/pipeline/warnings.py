"""What a transcript lacks, or may have wrong, as warnings of its job."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from locution_common.errors import Reason
from locution_speech.clock import Span, samples, seconds
from locution_speech.transcript import CoverageSpan, Outcome, Segment

from locution_gateway.jobs.models import JobWarning, Section, WarningCode

WITHOUT_TEXT: Final = samples(2.0)
WITHOUT_TEXT_SHARE: Final = 0.01
"""Speech without text of this length, or this share of all speech, is warned of."""

UNCERTAIN: Final = 0.5
"""A language below this probability is uncertain."""

NAMED: Final = 5
"""Spans that a message lists; it counts the others."""


def failed_sections(failed: Iterable[tuple[Section, int, Reason]]) -> list[JobWarning]:
    """Warn of each section without a result."""
    return [
        JobWarning(WarningCode.SECTION_FAILED, f"section {section.index} gave no text", reason)
        for section, _, reason in failed
    ]


def speech_without_text(coverage: Sequence[CoverageSpan]) -> list[JobWarning]:
    """Warn of speech without text in sections that have a result, once for the whole recording."""
    lost = [span for span in coverage if span.outcome in (Outcome.DROPPED, Outcome.FAILED)]
    missing = sum(span.length for span in lost)
    speech = missing + sum(span.length for span in coverage if span.outcome is Outcome.TRANSCRIBED)
    if not missing or (missing < WITHOUT_TEXT and missing < WITHOUT_TEXT_SHARE * speech):
        return []
    return [
        JobWarning(WarningCode.SPEECH_WITHOUT_TEXT, f"{seconds(missing):.1f} s of speech have no text: {_listed(lost)}")
    ]


def language_uncertain(segments: Sequence[Segment]) -> list[JobWarning]:
    """Warn of segments whose language is uncertain, once for the whole recording."""
    unsure = [
        segment
        for segment in segments
        if segment.language_probability is not None and segment.language_probability < UNCERTAIN
    ]
    if not unsure:
        return []
    return [JobWarning(WarningCode.LANGUAGE_UNCERTAIN, f"the language is not certain: {_listed(unsure)}")]


def _listed(spans: Sequence[Span]) -> str:
    named = ", ".join(f"{seconds(span.start):.1f} to {seconds(span.end):.1f} s" for span in spans[:NAMED])
    return named if len(spans) <= NAMED else f"{named} and {len(spans) - NAMED} more"

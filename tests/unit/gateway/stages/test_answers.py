"""An engine's answer that cannot be true is a failed attempt."""

from __future__ import annotations

import pytest
from locution_common.errors import Reason
from locution_gateway.core.stages.answers import check_section, check_spans
from locution_gateway.domain.stages import SpeakerSpan
from locution_gateway.domain.transcripts import CoverageSpan, Outcome, SectionTranscript, Segment, Word

from tests.support.refusals import refusal

HEARD = Outcome.TRANSCRIBED
WHOLE = (CoverageSpan(0, 60, HEARD), CoverageSpan(60, 100, Outcome.NO_SPEECH))


def section(*coverage: CoverageSpan, segments: tuple[Segment, ...] = ()) -> SectionTranscript:
    return SectionTranscript(segments, coverage, 60)


def test_a_section_that_accounts_for_every_sample_is_believed() -> None:
    check_section(section(*WHOLE, segments=(Segment(0, 60, "a b", (Word(0, 30, "a"), Word(30, 60, "b"))),)), 100)


@pytest.mark.parametrize(
    "coverage",
    [
        (),
        (CoverageSpan(0, 99, HEARD),),
        (CoverageSpan(0, 101, HEARD),),
        (CoverageSpan(0, 40, HEARD), CoverageSpan(50, 100, HEARD)),
        (CoverageSpan(0, 60, HEARD), CoverageSpan(50, 100, HEARD)),
        (CoverageSpan(0, 0, HEARD), CoverageSpan(0, 100, HEARD)),
    ],
)
def test_coverage_with_gaps_overlaps_or_another_end_is_refused(coverage: tuple[CoverageSpan, ...]) -> None:
    with refusal(Reason.INFERENCE_FAILED) as refused:
        check_section(section(*coverage), 100)
    assert refused.value.reason == "INFERENCE_FAILED"


@pytest.mark.parametrize(
    "segment",
    [Segment(0, 101, "x"), Segment(-1, 5, "x"), Segment(50, 40, "x"), Segment(0, 50, "x", (Word(0, 400, "x"),))],
)
def test_text_outside_the_section_is_refused(segment: Segment) -> None:
    with refusal(Reason.INFERENCE_FAILED):
        check_section(section(*WHOLE, segments=(segment,)), 100)


@pytest.mark.parametrize(
    "span", [SpeakerSpan(0, 101, 0), SpeakerSpan(9, -9, 0), SpeakerSpan(5, 5, 0), SpeakerSpan(0, 9, -3)]
)
def test_speakers_outside_the_section_are_refused(span: SpeakerSpan) -> None:
    with refusal(Reason.INFERENCE_FAILED):
        check_spans([SpeakerSpan(0, 100, 0), span], 100)

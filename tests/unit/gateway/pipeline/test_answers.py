"""An engine's answer that cannot be true is a failed attempt."""

from __future__ import annotations

import pytest
from locution.engine.v1 import asr_service_pb2 as asr_pb
from locution.engine.v1 import diarizer_service_pb2 as diarizer_pb
from locution_common.errors import Reason
from locution_gateway.pipeline.answers import check_section, check_spans
from locution_gateway.pipeline.engines.exchange import believed
from locution_gateway.transcripts.models import SectionTranscript
from locution_speech import wire, wire_speakers
from locution_speech.speakers import Turn
from locution_speech.transcript import CoverageSpan, Outcome, Segment, Word

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
    [Segment(0, 101, "x"), Segment(0, 50, "x", (Word(0, 400, "x"),))],
)
def test_text_outside_the_section_is_refused(segment: Segment) -> None:
    with refusal(Reason.INFERENCE_FAILED):
        check_section(section(*WHOLE, segments=(segment,)), 100)


@pytest.mark.parametrize(
    "segment",
    [
        asr_pb.AsrSegment(start_sample=-1, end_sample=5, text="x"),
        asr_pb.AsrSegment(start_sample=50, end_sample=40, text="x"),
        asr_pb.AsrSegment(end_sample=9, words=[asr_pb.AsrWord(start_sample=4, end_sample=3, text="x")]),
    ],
)
def test_text_that_ends_before_it_begins_is_refused(segment: asr_pb.AsrSegment) -> None:
    with refusal(Reason.INFERENCE_FAILED), believed():
        wire.segment_from_proto(segment)


def test_a_turn_that_ends_before_it_begins_is_refused() -> None:
    turn = diarizer_pb.SpeakerTurn(start_sample=9, end_sample=-9)
    with refusal(Reason.INFERENCE_FAILED), believed():
        wire_speakers.turns_from_proto(diarizer_pb.ClusterResponse(turns=[turn]))


@pytest.mark.parametrize("span", [Turn(0, 101, 0), Turn(5, 5, 0), Turn(0, 9, -3)])
def test_speakers_outside_the_section_are_refused(span: Turn[int]) -> None:
    with refusal(Reason.INFERENCE_FAILED):
        check_spans([Turn(0, 100, 0), span], 100)

"""What is written to the wire is read back as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import common_pb2
from locution.engine.v1 import diarizer_service_pb2 as diarizer_pb
from locution_speech import wire, wire_speakers
from locution_speech.asr import (
    DecodeMode,
    EngineSizes,
    Flush,
    ListenDone,
    ListenEvent,
    ListenFinal,
    ListenPartial,
    ListenProgress,
    ListenStart,
    ListenUpdate,
    ModeChoice,
    Options,
    SectionDone,
    SectionStart,
    SpeechEvent,
    Started,
    Task,
)
from locution_speech.engine.models import Flow, FlowKey, ModelName, Timings, TrafficClass
from locution_speech.pcm import Chunk
from locution_speech.speakers import SectionSpeakers, SpeakerCentroid, SpeakerHints, Turn
from locution_speech.transcript import CoverageSpan, DropReason, Outcome, Segment, Word

TIMINGS = Timings(1.5, 2.5, 7, 2, 3.5)
WORDS = (Word(8, 90, "Well,", 0.5), Word(90, 100, "…", None, aligned=False, spaced=False))
OPTIONS = Options("de", ("de", "en"), Task.TRANSLATE, "prompt", ("word",), 3, False, 0.5, ModeChoice.FAST, 40_000)
FULL = SectionStart(ModelName("a/b"), Flow(FlowKey("key"), 3, TrafficClass.LIVE), OPTIONS)
PLAIN = SectionStart(ModelName("a/b"), Flow(FlowKey("key")))


@pytest.mark.parametrize("start", [FULL, PLAIN])
def test_a_section(start: SectionStart) -> None:
    assert wire.section_start_from_proto(wire.section_start_to_proto(start), 0.0) == start


def test_defaults_of_the_wire() -> None:
    flow = common_pb2.Flow(key="key", work_class=common_pb2.WORK_CLASS_FILE)
    found = wire.section_start_from_proto(pb.TranscribeStart(flow=flow, model="a/b", language="auto"), 0.0)
    assert (found.options.language, found.options.beam_size, found.flow.share) == (None, 5, 1.0)


def test_a_deadline_is_placed_on_the_loops_clock() -> None:
    flow = common_pb2.Flow(key="key", work_class=common_pb2.WORK_CLASS_FILE)
    flow.deadline.FromDatetime(datetime.now(UTC) + timedelta(seconds=60))
    assert wire.flow_from_proto(flow, 1000.0).deadline == pytest.approx(1060.0, abs=5.0)


def test_a_listen_start() -> None:
    start = ListenStart(FULL, 8000, 16_000, 80_000, False, 512, 1024, "de")
    assert wire.listen_start_from_proto(wire.listen_start_to_proto(start), 0.0) == start


@pytest.mark.parametrize("update", [ListenUpdate(), ListenUpdate("auto", "prompt", ()), ListenUpdate(None, "", ("a",))])
def test_an_update(update: ListenUpdate) -> None:
    assert wire.update_from_proto(wire.listen_input_to_proto(update).update) == update


def test_other_inputs() -> None:
    assert wire.listen_input_to_proto(Flush()).WhichOneof("message") == "flush"
    audio = wire.listen_input_to_proto(Chunk(512, b"ab")).audio
    assert (audio.start_sample, audio.pcm) == (512, b"ab")


@pytest.mark.parametrize(
    "event",
    [
        Started("a/b", "sum", "cuda:0", DecodeMode.FAST, 40_000, EngineSizes(512, 128_000, 464_000)),
        Started("a/b", "sum", "cpu", DecodeMode.ACCURATE, None, None),
        SpeechEvent(512, True),
        SpeechEvent(1024, False),
        ListenPartial(8, WORDS, "and", 4096),
        ListenFinal(8, 100, "Well,…", WORDS, "en"),
        ListenFinal(8, 100, "", reason="REPETITION"),
        ListenProgress(100, 8),
        ListenDone(100, TIMINGS),
    ],
)
def test_events_of_a_live_stream(event: Started | ListenEvent) -> None:
    assert wire.listen_event_from_proto(wire.listen_event_to_proto(event)) == event


def test_a_segment() -> None:
    segment = Segment(8, 100, "Well,…", WORDS, None, "jv", 0.5, -0.25)
    assert wire.segment_from_proto(wire.segment_to_proto(segment)) == segment
    bare = Segment(8, 100, "Well")
    assert wire.segment_from_proto(wire.segment_to_proto(bare)) == bare


def test_the_sum_of_a_section() -> None:
    coverage = (
        CoverageSpan(0, 10, Outcome.NO_SPEECH),
        CoverageSpan(10, 20, Outcome.TRANSCRIBED),
        CoverageSpan(20, 30, Outcome.DROPPED, DropReason.REPETITION),
        CoverageSpan(30, 40, Outcome.FAILED, DropReason.INFERENCE_FAILED),
    )
    done = SectionDone(40, 25, 10, coverage, TIMINGS)
    assert wire.section_done_from_proto(wire.section_done_to_proto(done)) == done


def test_speakers_of_a_section() -> None:
    centroids = (SpeakerCentroid(0, (0.5, -0.5), 100), SpeakerCentroid(1, (1.0, 0.0), 50))
    section = SectionSpeakers(400, centroids, (Turn(0, 100, 0), Turn(50, 100, 1)), b"state")
    message = wire_speakers.diarize_done_to_proto(section, TIMINGS)
    assert wire_speakers.section_speakers_from_proto(message.section) == section
    assert wire.timings_from_proto(message.timings) == TIMINGS
    kept = wire_speakers.section_from_bytes(wire_speakers.section_to_bytes(message.section))
    assert wire_speakers.section_speakers_from_proto(kept.section) == section


@pytest.mark.parametrize("hints", [SpeakerHints(), SpeakerHints(2, 1, 3)])
def test_what_opens_a_diarizer(hints: SpeakerHints) -> None:
    flow = Flow(FlowKey("key"), 3, TrafficClass.LIVE)
    start = wire_speakers.cluster_start_to_proto(flow, "a/b", hints)
    assert wire_speakers.opening_from_proto(start, 0.0) == (flow, "a/b")
    assert wire_speakers.hints_from_proto(start) == hints
    assert wire_speakers.opening_from_proto(wire_speakers.diarize_start_to_proto(flow, "a/b"), 0.0) == (flow, "a/b")


def test_a_clustering() -> None:
    turns: list[list[Turn[int]]] = [[Turn(0, 100, 0)], [], [Turn(0, 50, 2)]]
    centroids = [SpeakerCentroid(0, (0.5, 0.5), 100), SpeakerCentroid(2, (1.0, 0.0), 50)]
    answers = list(wire_speakers.cluster_responses_to_proto(turns, centroids))
    assert [list(wire_speakers.turns_from_proto(answer)) for answer in answers] == turns
    assert [wire_speakers.centroids_from_proto(answer) for answer in answers] == [(), (), ((0.5, 0.5), (), (1.0, 0.0))]


def test_messages_of_a_later_release_say_nothing() -> None:
    assert wire.listen_event_from_proto(pb.ListenResponse()) is None


@pytest.mark.parametrize(
    "message",
    [
        pb.ListenResponse(final=pb.ListenFinal(start_sample=9, end_sample=3)),
        pb.ListenResponse(partial=pb.ListenPartial(confirmed=[pb.AsrWord(start_sample=-4, text="x")])),
    ],
)
def test_what_cannot_be_true_is_not_read(message: pb.ListenResponse) -> None:
    with pytest.raises(ValueError, match="invalid span"):
        wire.listen_event_from_proto(message)


def test_a_foreign_outcome_is_not_read() -> None:
    unknown = pb.TranscribeDone(coverage=[pb.AsrCoverageSpan(end_sample=3)])
    with pytest.raises(ValueError, match="UNSPECIFIED"):
        wire.section_done_from_proto(unknown)
    with pytest.raises(ValueError, match="invalid span"):
        wire_speakers.turns_from_proto(diarizer_pb.ClusterResponse(turns=[diarizer_pb.SpeakerTurn(end_sample=-1)]))

"""Who talks at once: turns overlap, and words in the overlap say how sure their speaker is."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from locution.v1 import transcript_service_pb2 as pb
from locution_gateway.jobs.models import StageKind
from locution_gateway.pipeline.models import Joined
from locution_gateway.pipeline.speakers import assign
from locution_gateway.transcripts.models import Speaker
from locution_speech.clock import samples
from locution_speech.speakers import Turn
from locution_speech.transcript import Segment, Word

from tests.service.gateway.conftest import Gateway
from tests.service.gateway.hand_worker import HandWorker, joined

TURNS = (Turn(0, samples(2.0), "SPEAKER_00"), Turn(samples(1.0), samples(4.0), "SPEAKER_01"))
"""SPEAKER_01 begins a second before SPEAKER_00 ends."""


def talk() -> Joined:
    """Return one word of each speaker alone, and one between them in the overlap."""
    spans = ((0.0, 0.5, "I."), (1.25, 1.75, "We."), (3.0, 3.5, "You."))
    words = tuple(Word(samples(start), samples(end), text) for start, end, text in spans)
    segments = assign([Segment(0, words[-1].end, "I. We. You.", words)], TURNS)
    whole = joined(1, speakers=True)
    speakers = tuple(Speaker(turn.speaker, turn.length) for turn in TURNS)
    summary = replace(whole.summary, speakers=speakers, turns=TURNS, segment_count=len(segments))
    return replace(whole, summary=summary, segments=tuple(segments))


@pytest.fixture
async def name(gateway: Gateway, worker: HandWorker) -> str:
    upload = await gateway.client.upload(b"RIFF and so on")
    job = (await gateway.client.job(upload.name)).name
    await worker.decode(sections=1)
    await worker.transcribe()
    await worker.diarize()
    await worker.diarize()
    await worker.stages.finish_join(await worker.begin(StageKind.JOIN), talk())
    return f"{job}/transcript"


async def test_overlap_is_in_turns_and_words(gateway: Gateway, name: str) -> None:
    found = await gateway.client.transcripts.GetTranscript(pb.GetTranscriptRequest(name=name))
    spoken = [(turn.speaker, turn.start_offset.seconds, turn.end_offset.seconds) for turn in found.turns]
    assert spoken == [("SPEAKER_00", 0, 2), ("SPEAKER_01", 1, 4)]
    words = [(word.text, word.speaker, word.speaker_confidence) for part in found.segments for word in part.words]
    assert words == [("I.", "SPEAKER_00", 1.0), ("We.", "SPEAKER_00", 0.5), ("You.", "SPEAKER_01", 1.0)]


async def test_the_json_file_has_it_and_rttm_the_overlap(gateway: Gateway, name: str) -> None:
    asked = {
        kind: pb.ExportTranscriptRequest(name=name, format=kind)
        for kind in (pb.ExportTranscriptRequest.FORMAT_JSON, pb.ExportTranscriptRequest.FORMAT_RTTM)
    }
    export = gateway.client.transcripts.ExportTranscript
    written, rttm = ["".join([piece.data.decode() async for piece in export(request)]) for request in asked.values()]
    words = [word for part in json.loads(written)["segments"] for word in part["words"]]
    assert [word["speaker_confidence"] for word in words] == [1.0, 0.5, 1.0]
    assert [line.split()[3:5] for line in rttm.splitlines()] == [["0.000", "2.000"], ["1.000", "3.000"]]


async def test_a_word_of_an_older_transcript_says_nothing(gateway: Gateway, worker: HandWorker) -> None:
    upload = await gateway.client.upload(b"RIFF and so on")
    job = (await gateway.client.job(upload.name)).name
    await worker.run(sections=1)
    found = await gateway.client.transcripts.GetTranscript(pb.GetTranscriptRequest(name=f"{job}/transcript"))
    [word] = found.segments[0].words
    assert (word.speaker, word.HasField("speaker_confidence")) == ("SPEAKER_00", False)

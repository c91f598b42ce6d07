"""Files: text of any kind stays text, whatever the format takes for markup."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import UUID

import pytest
from locution_gateway.transcripts.formats import Format, writer
from locution_gateway.transcripts.models import Speaker, TranscriptSummary
from locution_speech.clock import SAMPLE_RATE
from locution_speech.speakers import Turn
from locution_speech.transcript import CoverageSpan, Outcome, Segment, Word

NASTY = "a --> b\n\n2\n00:00:00,000 --> 00:00:09,000\n<b>bold</b> {\\an8} & \x00\u2028end"
SUMMARY = TranscriptSummary(3600 * SAMPLE_RATE, None, None, None, (), None, 0)


async def written(format: Format, *segments: Segment, summary: TranscriptSummary = SUMMARY) -> str:
    async def each() -> AsyncIterator[Segment]:
        for segment in segments:
            yield segment

    return "".join([text async for text in writer(format).write("a job", summary, each())])


def said(text: str, start: int = 0, end: int = SAMPLE_RATE, speaker: str | None = None) -> Segment:
    return Segment(start, end, text, speaker=speaker)


async def test_srt_text_makes_no_cue_and_no_markup() -> None:
    text = await written(Format.SRT, said(NASTY), said("after", 3 * SAMPLE_RATE, 4 * SAMPLE_RATE))
    cues = text.split("\n\n")
    assert [cue.split("\n")[0] for cue in cues if cue] == ["1", "2"]
    assert [len(cue.split("\n")) for cue in cues if cue] == [4, 3]
    assert text.count("-->") == 2
    assert not set("<>{}") & set(text.replace("-->", ""))


async def test_vtt_text_is_escaped() -> None:
    text = await written(Format.VTT, said(NASTY, speaker="A > B"))
    assert text.startswith("WEBVTT\n\n")
    assert text.count("-->") == 1
    assert "&lt;b&gt;bold&lt;/b&gt; {\\an8} &amp; end" in text
    assert "<v A &gt; B>" in text
    assert text.count("\n\n") == 2


async def test_times_beyond_an_hour() -> None:
    late = 100 * 3600 * SAMPLE_RATE + 61 * SAMPLE_RATE + SAMPLE_RATE // 2
    assert "100:01:01,500 --> 100:01:02,500" in await written(Format.SRT, said("x", late, late + SAMPLE_RATE))


@pytest.mark.parametrize("format", [Format.SRT, Format.VTT])
async def test_a_cue_lasts_and_an_empty_one_is_left_out(format: Format) -> None:
    assert "00:00:00" in await written(format, said("x", 5, 5))
    assert "-->" not in await written(format, said(" \n "))


async def test_txt_is_a_line_a_segment() -> None:
    assert await written(Format.TXT, said("one\ntwo", speaker="S"), said("three")) == "S: one two\nthree\n"


async def test_json_leaves_out_what_is_unknown() -> None:
    word = Word(1, 16000, 'say "hi"\n', None)
    summary = TranscriptSummary(
        16000, None, None, None, (CoverageSpan(0, 16000, Outcome.DROPPED, "REPETITION"),), None, 1
    )
    parsed = json.loads(await written(Format.JSON, Segment(0, 16000, NASTY, (word,)), summary=summary))
    assert parsed == {
        "duration": 1.0,
        "segments": [
            {"start": 0.0, "end": 1.0, "text": NASTY, "words": [{"start": 0.000063, "end": 1.0, "text": 'say "hi"\n'}]}
        ],
        "coverage": [{"start": 0.0, "end": 1.0, "outcome": "DROPPED", "reason": "REPETITION"}],
    }


async def test_json_of_silence() -> None:
    assert json.loads(await written(Format.JSON)) == {"duration": 3600.0, "segments": [], "coverage": []}


async def test_rttm_fields_hold_no_spaces() -> None:
    summary = TranscriptSummary(1, None, (), (Turn(8000, 24000, "SPEAKER 01"),), (), None, 0)
    text = await written(Format.RTTM, summary=summary)
    assert text == "SPEAKER a_job 1 0.500 1.000 <NA> <NA> SPEAKER_01 <NA> <NA>\n"
    assert len(text.split()) == 10


async def test_a_recognised_speaker_is_called_by_name() -> None:
    ada, other = Speaker("SPEAKER_00", SAMPLE_RATE, UUID(int=7), "Ada <L.>"), Speaker("SPEAKER_01", SAMPLE_RATE)
    turns = (Turn(0, SAMPLE_RATE, "SPEAKER_00"),)
    summary = replace(SUMMARY, speakers=(ada, other), turns=turns)
    spoken = said("Hello", speaker="SPEAKER_00"), said("Hi", speaker="SPEAKER_01")
    assert await written(Format.TXT, *spoken, summary=summary) == "Ada <L.>: Hello\nSPEAKER_01: Hi\n"
    assert "<v Ada &lt;L.&gt;>Hello" in await written(Format.VTT, *spoken, summary=summary)
    assert "Ada \u2039L.\u203a: Hello" in await written(Format.SRT, *spoken, summary=summary)
    assert " SPEAKER_00 <NA> <NA>" in await written(Format.RTTM, *spoken, summary=summary)
    found = json.loads(await written(Format.JSON, *spoken, summary=summary))
    assert [segment["speaker"] for segment in found["segments"]] == ["SPEAKER_00", "SPEAKER_01"]
    assert found["speakers"] == [
        {"label": "SPEAKER_00", "speech": 1.0, "voice": f"voices/{UUID(int=7)}", "display_name": "Ada <L.>"},
        {"label": "SPEAKER_01", "speech": 1.0},
    ]

"""Text that is cut between speakers is written as its language writes, in every file."""

from __future__ import annotations

import json
from typing import Final

import pytest
from locution_gateway.pipeline.speakers import assign
from locution_gateway.transcripts.formats import Format
from locution_speech.clock import SAMPLE_RATE
from locution_speech.speakers import Turn
from locution_speech.transcript import Segment, Word, text_of

from tests.unit.gateway.transcripts.test_export import written

SPOKEN: Final = {
    "hyphens": ([" a", " cold", "-hearted", " man.", " In", " real", "-time", " then."], 4),
    "Chinese": (["今", "天", "天气", "很", "好。", "是", "的", "没错。"], 5),
    "Japanese": (["今日", "は", "良い", "天気", "です。", "はい、", "そう", "です。"], 5),
    "mixed": (["我", "用", " GPU", " A100", "训练。", "很", "快", " OK", "吗？"], 5),
}
"""Words with their leading spaces, and how many of them the first speaker says."""

LINES: Final = {
    "hyphens": ["a cold-hearted man.", "In real-time then."],
    "Chinese": ["今天天气很好。", "是的没错。"],
    "Japanese": ["今日は良い天気です。", "はい、そうです。"],
    "mixed": ["我用 GPU A100训练。", "很快 OK吗？"],
}


def parts(name: str) -> list[Segment]:
    texts, first = SPOKEN[name]
    words = tuple(
        Word(at * SAMPLE_RATE // 2, (at + 1) * SAMPLE_RATE // 2, text.strip(), spaced=text.startswith(" "))
        for at, text in enumerate(texts)
    )
    change = words[first].start
    turns = [Turn(0, change, "A"), Turn(change, words[-1].end, "B")]
    return assign([Segment(0, words[-1].end, text_of(words), words)], turns)


@pytest.mark.parametrize("name", SPOKEN)
async def test_every_file_has_the_text_as_it_was_written(name: str) -> None:
    segments, (first, second) = parts(name), LINES[name]
    assert await written(Format.TXT, *segments) == f"A: {first}\nB: {second}\n"
    found = json.loads(await written(Format.JSON, *segments))
    assert [segment["text"] for segment in found["segments"]] == [first, second]
    cues = (await written(Format.VTT, *segments)).split("\n\n")[1:3]
    assert [cue.split("\n")[1:] for cue in cues] == [[f"<v A>{first}"], [f"<v B>{second}"]]
    cues = (await written(Format.SRT, *segments)).split("\n\n")[:2]
    assert [" ".join(cue.split("\n")[2:]) for cue in cues] == [f"A: {first}", f"B: {second}"]

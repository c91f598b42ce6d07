"""When a transcript warns of speech without text, and of an uncertain language."""

from __future__ import annotations

from dataclasses import replace

import pytest
from locution_gateway.jobs.models import WarningCode
from locution_gateway.pipeline.warnings import language_uncertain, speech_without_text
from locution_speech.clock import samples
from locution_speech.transcript import CoverageSpan, DropReason, Outcome, Segment


def coverage(*parts: tuple[float, Outcome]) -> list[CoverageSpan]:
    spans, at = [], 0
    for length, outcome in parts:
        reason = None if outcome in (Outcome.TRANSCRIBED, Outcome.NO_SPEECH) else DropReason.NO_TEXT
        spans.append(CoverageSpan(at, at + samples(length), outcome, reason))
        at += samples(length)
    return spans


@pytest.mark.parametrize(
    ("speech", "lost", "warned"),
    [(10, 0.0, False), (10, 0.05, False), (10, 0.2, True), (600, 1.9, False), (600, 2.0, True), (0, 0.2, True)],
)
def test_two_seconds_or_a_hundredth_of_the_speech_is_warned_of(speech: float, lost: float, warned: bool) -> None:
    parts = [(speech, Outcome.TRANSCRIBED), (100.0, Outcome.NO_SPEECH), (lost, Outcome.DROPPED)]
    found = speech_without_text(coverage(*((length, outcome) for length, outcome in parts if length)))
    assert [warning.code for warning in found] == ([WarningCode.SPEECH_WITHOUT_TEXT] if warned else [])


def test_the_message_names_where_and_how_much() -> None:
    spans = coverage((4, Outcome.TRANSCRIBED), (2.5, Outcome.DROPPED), (1, Outcome.TRANSCRIBED), (0.5, Outcome.FAILED))
    assert speech_without_text(spans)[0].message == "3.0 s of speech have no text: 4.0 to 6.5 s, 7.5 to 8.0 s"


def test_a_long_list_is_counted() -> None:
    spans = coverage(*[(1, Outcome.TRANSCRIBED), (1, Outcome.DROPPED)] * 8)
    assert speech_without_text(spans)[0].message.endswith("9.0 to 10.0 s and 3 more")


def test_segments_of_an_uncertain_language_are_named() -> None:
    told = Segment(0, samples(1), "told", language="en")
    sure = replace(told, language_probability=0.5)
    unsure = Segment(samples(1), samples(3), "hm", language="de", language_probability=0.49)
    assert language_uncertain([told, sure]) == []
    [warning] = language_uncertain([told, sure, unsure])
    assert (warning.code, warning.message) == (
        WarningCode.LANGUAGE_UNCERTAIN,
        "the language is not certain: 1.0 to 3.0 s",
    )

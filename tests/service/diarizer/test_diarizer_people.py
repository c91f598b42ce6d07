"""Recordings of one person, of six and eight, and of five seconds, with real models over gRPC."""

from __future__ import annotations

import pytest
from pyannote.core import Annotation

from tests.bench.people import excerpt, meeting, reading
from tests.bench.recipes import Conversation
from tests.bench.recordings import decoded
from tests.bench.scoring import overlap
from tests.service.diarizer.conftest import Stack
from tests.service.diarizer.recordings import (
    RATE,
    annotation,
    conversation,
    error_rate,
    pcm,
    reference,
)
from tests.support.testdata import recording

pytestmark = [
    pytest.mark.asyncio(loop_scope="package"),
    pytest.mark.timeout(240),  # minutes of audio on real models; a busy machine takes its time
]

LONGEST = 60 * RATE


def together(people: int, *, seed: int, at_once: bool = False) -> Conversation:
    """Return so many people who speak in turn, or skip the test."""
    recording("utterances")
    return meeting(people, seed=seed, at_once=at_once)


async def found(shared: Stack, case: Conversation) -> Annotation:
    return annotation(await shared.client.whole(case.audio))


def wrong(case: Conversation, turns: Annotation) -> float:
    return error_rate(case.turns, turns, len(case.audio))


@pytest.mark.parametrize("name", ["address.mp3", "sonnet3.mp3", "jfk.wav"])
async def test_one_person_is_one_speaker(shared: Stack, name: str) -> None:
    case = reading(decoded(recording(name))[:LONGEST])
    assert len((await found(shared, case)).labels()) == 1


@pytest.mark.parametrize(("people", "seed"), [(6, 2), (8, 1)])
async def test_six_and_more_are_told_apart_but_for_one_at_most(shared: Stack, people: int, seed: int) -> None:
    case = together(people, seed=seed)
    section = (await shared.client.diarize(case.audio)).section
    alone, told = [
        annotation((await shared.client.cluster([section], **hints)).turns([0]))
        for hints in ({}, {"speaker_count": people})
    ]
    assert people - 1 <= len(alone.labels()) <= people
    assert len(told.labels()) == people
    assert max(wrong(case, alone), wrong(case, told)) <= 0.2


async def test_who_talks_at_once_has_overlapping_turns(shared: Stack) -> None:
    case = together(6, seed=3, at_once=True)
    spoken = overlap(case.turns, case.turns)
    assert spoken > 4.0
    assert overlap(case.turns, await found(shared, case)) >= 0.7 * spoken


@pytest.mark.parametrize("start", [12.5, 24.5])
async def test_two_people_in_five_seconds_stay_two(shared: Stack, start: float) -> None:
    case = excerpt(Conversation(pcm(conversation()), reference(conversation())), start, 5.0)
    turns = await found(shared, case)
    assert len(turns.labels()) == 2
    assert wrong(case, turns) <= 0.1


async def test_one_person_in_five_seconds_stays_one(shared: Stack) -> None:
    case = reading(decoded(recording("jfk.wav"))[: 5 * RATE])
    assert len((await found(shared, case)).labels()) == 1

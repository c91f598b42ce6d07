"""Who speaks: labels with the finals, again after a resume, corrected at the end, and text whatever the diarizer does."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
import numpy as np
import pytest
from locution.v1 import live_service_pb2 as pb
from locution.v1.job_config_pb2 import DiarizationConfig

from tests.service.gateway.live.conftest import House, ServeLive
from tests.service.gateway.live.fake_diarizer import FakeDiarizer, serving_diarizer
from tests.service.gateway.live.fake_engine import expected
from tests.service.gateway.live.talk import SECOND, Talk, config, noise

FIRST, SECOND_ONE = "SPEAKER_00", "SPEAKER_01"


@pytest.fixture
async def diarizer() -> AsyncIterator[FakeDiarizer]:
    async with serving_diarizer() as serving:
        yield serving


@pytest.fixture
async def speaking(serve_live: ServeLive, diarizer: FakeDiarizer) -> AsyncIterator[House]:
    async with serve_live(diarizer_address=diarizer.address) as house:
        yield house


def conversation(*signs: int) -> np.ndarray[Any, Any]:
    """Return a second of audio for each sign, by which the fake diarizer tells its speaker."""
    pieces = [np.abs(noise(1.0, seed)) * sign for seed, sign in enumerate(signs)]
    return np.concatenate(pieces).astype("<i2")


def asking(**fields: Any) -> pb.LiveConfig:
    return config(diarization=DiarizationConfig(enabled=True, **fields))


def labels(talk: Talk) -> list[str]:
    return [talk.speakers[number] for number in sorted(talk.speakers)]


async def test_finals_carry_the_speakers_of_their_words(speaking: House, diarizer: FakeDiarizer) -> None:
    audio = conversation(-1, -1, 1, -1, 1)
    talk = await speaking.speaker.whole(audio, asking())
    assert talk.texts == expected(audio)
    assert labels(talk) == [FIRST, FIRST, SECOND_ONE, FIRST, SECOND_ONE]
    assert not talk.corrected
    assert talk.started.config.diarization.model
    assert diarizer.heard == 5


async def test_nobody_is_told_apart_unless_it_is_asked(speaking: House, diarizer: FakeDiarizer) -> None:
    talk = await speaking.speaker.whole(conversation(1, -1))
    assert labels(talk) == ["", ""]
    assert not talk.started.config.diarization.enabled
    assert diarizer.heard == 0


async def test_the_whole_session_corrects_what_was_told(speaking: House, diarizer: FakeDiarizer) -> None:
    diarizer.merging = True
    audio = conversation(1, -1, 1)
    talk = await speaking.speaker.whole(audio, asking(speaker_count=2))
    assert labels(talk) == [FIRST, SECOND_ONE, FIRST]
    assert talk.corrected == {2: ([FIRST], True)}
    assert talk.texts == expected(audio)
    assert diarizer.hint == 2


async def test_another_replica_knows_the_speakers_again(serve_live: ServeLive, diarizer: FakeDiarizer) -> None:
    audio = conversation(1, -1, -1, 1)
    async with serve_live(diarizer_address=diarizer.address) as other:
        async with serve_live(diarizer_address=diarizer.address) as house:
            talk = house.speaker.talk()
            token = (await talk.begin(asking())).resume_token
            await talk.send(audio[: 2 * SECOND])
            await talk.until_final(2)
            await talk.until_ack(2 * SECOND)
            await talk.leave()
        again = other.speaker.talk()
        await again.resume(token, 1)
        await again.send(audio[2 * SECOND :], 2 * SECOND)
        await again.finish()
    assert labels(again) == [SECOND_ONE, SECOND_ONE, FIRST]
    assert not again.corrected


async def test_a_diarizer_that_is_down_leaves_the_text_and_says_so_once(
    speaking: House, diarizer: FakeDiarizer
) -> None:
    diarizer.refusal = grpc.StatusCode.INTERNAL
    audio = conversation(1, -1, 1)
    talk = await speaking.speaker.whole(audio, asking())
    assert talk.texts == expected(audio)
    assert labels(talk) == ["", "", ""]
    assert [notice.kind for notice in talk.notices] == [pb.StreamNotice.KIND_SPEAKERS_UNAVAILABLE]


async def test_without_a_diarizer_the_wish_is_refused(house: House) -> None:
    talk = house.speaker.talk()
    await talk.say(start=pb.StreamStart(config=asking()))
    assert (await talk.refusal()).reason == "OPTION_UNSUPPORTED"


async def test_a_kept_session_asks_its_job_for_the_same_speakers(speaking: House) -> None:
    wanted = asking(min_speaker_count=2, max_speaker_count=3)
    wanted.afterwards = pb.LiveConfig.AFTERWARDS_JOB
    talk = await speaking.speaker.whole(conversation(1, -1), wanted)
    assert talk.done is not None
    asked = (await speaking.gateway.client.get_job(talk.done.job)).effective_config.diarization
    assert (asked.enabled, asked.min_speaker_count, asked.max_speaker_count) == (True, 2, 3)


async def test_what_was_heard_goes_with_the_session(speaking: House) -> None:
    await speaking.speaker.whole(conversation(1, -1), asking())
    assert await speaking.gateway.owner.fetchval("SELECT count(*) FROM gateway.live_sections") == 0

"""A window is decoded in the pause that will end it, and only where that costs nobody else."""

from __future__ import annotations

import asyncio

import pytest
from locution_asr.core.endpointer import EndpointRule
from locution_speech.clock import samples

from tests.unit.asr.fakes import FakeRecogniser, request
from tests.unit.asr.live_stage import on_stage, silence, speech
from tests.unit.asr.test_dispatch import until

DEFAULT = EndpointRule().ending(samples(0.8), 0)


@pytest.mark.parametrize("language", ["en", None])
async def test_the_text_of_a_window_is_there_when_its_silence_has_passed(language: str | None) -> None:
    async with on_stage(DEFAULT, partials=False, language=language) as stage:
        await stage.hear(speech(1, 4), silence(0.4))
        assert stage.recogniser.decoded == ["w1 w2 w3 w4"]
        stage.recogniser.gate.clear()
        await stage.hear(silence(0.5))
        finals = await stage.finals(1)
        stage.recogniser.gate.set()
    assert [final.text for final in finals] == ["w1 w2 w3 w4"]
    assert len(stage.recogniser.decoded) == 1


async def test_speech_that_goes_on_is_one_text_and_the_next_pause_is_decoded_again() -> None:
    async with on_stage(DEFAULT, partials=False) as stage:
        await stage.hear(speech(1, 3), silence(0.4), speech(4, 2), silence(1.0))
        finals = await stage.finals(1)
    assert [final.text for final in finals] == ["w1 w2 w3 w4 w5"]
    assert stage.recogniser.decoded == ["w1 w2 w3", "w1 w2 w3 w4 w5"]


async def test_a_stream_decodes_one_window_ahead_at_a_time() -> None:
    """Speech goes on and pauses again while the decode that was dropped still runs: no other one starts beside it."""
    async with on_stage(DEFAULT, partials=False) as stage:
        stage.recogniser.windows.clear()
        await stage.hear(speech(1, 3), silence(0.4))
        await until(lambda: stage.recogniser.decoded == ["w1 w2 w3"])
        await stage.hear(speech(4, 2), silence(0.4))
        assert (stage.recogniser.decoded, stage.dispatcher.running) == (["w1 w2 w3"], 1)
        stage.recogniser.windows.set()
        await stage.rest()
        await stage.hear(silence(0.1))
        assert stage.recogniser.decoded == ["w1 w2 w3", "w1 w2 w3 w4 w5"]


async def test_nothing_is_decoded_ahead_while_others_wait() -> None:
    busy = FakeRecogniser()
    busy.gate.clear()
    async with on_stage(DEFAULT, partials=False, slots=1) as stage:
        others = [asyncio.create_task(stage.dispatcher.submit(request(busy, beam=beam))) for beam in (1, 2)]
        await until(lambda: stage.dispatcher.running == 1)
        await stage.hear(speech(1, 4), silence(0.4), others=2)
        assert (stage.dispatcher.waiting, stage.recogniser.decoded) == (1, [])
        busy.gate.set()
        await asyncio.gather(*others)


async def test_a_decode_that_was_dropped_tells_no_language() -> None:
    """Two seconds of French before a pause are not the language of a stream that goes on in English."""
    async with on_stage(DEFAULT, partials=False, language=None) as stage:
        stage.recogniser.languages = lambda pcm: {"fr": 1.0} if len(pcm) < samples(3.0) else {"en": 0.5, "de": 0.5}
        await stage.hear(speech(1, 3), silence(0.4), speech(4, 4), silence(1.0))
        first = (await stage.finals(1))[0]
    assert (first.text, first.language) == ("w1 w2 w3 w4 w5 w6 w7", "en")

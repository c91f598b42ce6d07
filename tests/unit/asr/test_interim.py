"""Interim decoding of speech that goes on: as many tokens as the language takes, and the text that they make."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from locution_asr.core.decode import decode
from locution_asr.core.dispatch import Decoding
from locution_asr.core.guards import Guard
from locution_asr.core.interim import InterimDecode, InterimDecoder, plan_interim
from locution_asr.core.windows import PcmBuffer
from locution_asr.domain.models import Pcm
from locution_asr.domain.ports import Draft, Prompt, Search
from locution_speech.asr import Options, SectionStart
from locution_speech.clock import samples
from locution_speech.engine.models import Flow, FlowKey, ModelName, TrafficClass
from locution_speech.engine.queue import WindowQueue

from tests.unit.asr.fakes import FakeRecogniser, Unobserved, loaded, sound

HEARD = samples(4.0)
ENGLISH = Guard().token_cap(4.0)


@pytest.fixture
async def dispatcher() -> AsyncIterator[Decoding]:
    with ThreadPoolExecutor(1) as executor:
        yield Decoding(WindowQueue(), decode, executor, 1, Unobserved())


@pytest.mark.parametrize("language", ["ja", "ru", None])
def test_a_dense_or_unknown_language_gets_the_full_cap(language: str | None) -> None:
    assert plan_interim(Options(language=language), HEARD).search.max_tokens == Guard().token_cap(4.0, 2.0)


def test_english_gets_what_english_takes() -> None:
    assert plan_interim(Options(language="en"), HEARD).search.max_tokens == ENGLISH


@pytest.mark.parametrize(("language", "heard"), [("ja", True), ("ru", True), ("en", False)])
async def test_speech_of_a_dense_language_has_interim_text(dispatcher: Decoding, language: str, heard: bool) -> None:
    """Give a third more tokens than English takes: sound in a dense language, a runaway in English."""
    text = " " + " ".join(chr(0x430 + index % 32) + str(index) for index in range(ENGLISH // 3))

    def speak(pcm: Pcm, prompt: Prompt, search: Search) -> Draft:
        tokens = tuple(range(ENGLISH * 4 // 3))
        return replace(sound(text), tokens=tokens, capped=len(tokens) >= search.max_tokens)

    model = loaded(FakeRecogniser(speak=speak))
    start = SectionStart(
        ModelName("a/b"), Flow(FlowKey("a"), traffic=TrafficClass.LIVE), options=Options(language=language)
    )
    buffer = PcmBuffer()
    buffer.append(np.ones(HEARD, np.int16))
    interim = InterimDecode(InterimDecoder(dispatcher, model, start, samples(0.5)), buffer)
    async with asyncio.timeout(30):
        assert await interim.run(0, HEARD)
    assert interim.partial(0).unstable == (text.strip() if heard else "")

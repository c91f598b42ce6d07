"""Many callers, one batch: the text of each is what it would be alone, and no option is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio
from jiwer import process_words
from locution.engine.v1 import asr_service_pb2 as pb

from tests.service.asr.client import RATE, Result, start
from tests.service.asr.conftest import Serve, Stack, serve_asr
from tests.service.asr.recordings import normal, pcm
from tests.support.testdata import recording

pytestmark = pytest.mark.asyncio(loop_scope="package")

ENGLISH = (
    "jfk.wav",
    "austen_0870.wav",
    "austen_0890.wav",
    "austen_0920.wav",
    "fleurs-en-000.ogg",
    "fleurs-en-003.ogg",
)
SHORT = timedelta(seconds=7.5)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def unbatched() -> AsyncIterator[Stack]:
    async with serve_asr(asr_batch_size=1) as running:
        yield running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def batched() -> AsyncIterator[Stack]:
    """Serve with one worker, so that windows wait for it and share its batches."""
    async with serve_asr(asr_workers=1) as running:
        yield running


def differing(alone: Sequence[Result], together: Sequence[Result]) -> float:
    """Return the share of words that differ, pooled."""
    measured = process_words([normal(r.text) for r in alone], [normal(r.text) for r in together])
    words = measured.hits + measured.substitutions + measured.deletions
    return (measured.substitutions + measured.deletions + measured.insertions) / words


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("model", "mode"),
    [
        ("whisper/tiny.en", {"decode_preference": pb.DECODE_PREFERENCE_ACCURATE}),
        ("whisper/tiny.en", {"decode_preference": pb.DECODE_PREFERENCE_FAST_UNQUALIFIED}),
        ("whisper/base", {"decode_preference": pb.DECODE_PREFERENCE_FAST_UNQUALIFIED, "min_encoder_input": SHORT}),
    ],
)
async def test_batched_text_is_the_text_of_each_alone(
    batched: Stack, unbatched: Stack, model: str, mode: dict[str, Any]
) -> None:
    recordings = [pcm(recording(name)) for name in ENGLISH]

    async def transcribed(stack: Stack, index: int) -> Result:
        return await stack.client.transcribe(
            recordings[index], start(model, flow=f"flow-{index}", language="en", **mode)
        )

    alone = await asyncio.gather(*(transcribed(unbatched, i) for i in range(len(recordings))))
    together = await asyncio.gather(*(transcribed(batched, i) for i in range(len(recordings))))
    assert max(result.done.timings.mean_batch_size for result in together) > 1
    assert all(result.done.timings.mean_batch_size == 1 for result in alone)
    assert differing(alone, together) <= 0.005


async def test_each_caller_of_a_batch_keeps_its_options(batched: Stack) -> None:
    german, english = pcm(recording("fleurs-de-003.ogg")), pcm(recording("jfk.wav"))
    call, base = batched.client.transcribe, "whisper/base"
    results = await asyncio.gather(
        call(german, start(base, language="de")),
        call(german, start(base, language="de", translate=True)),
        call(german, start(base)),
        call(english, start(base, word_times=False)),
        call(english, start(base, language_candidates=["en", "de"])),
        call(english, start(base, language="en", prompt="<|endoftext|>Americans <|nospeech|>", hotwords=["JFK"])),
    )
    spoken, translated, detected, timeless, restricted, prompted = results
    assert max(result.done.timings.mean_batch_size for result in results) > 1
    assert spoken.text == detected.text != translated.text
    assert {segment.language for segment in spoken.segments} == {"de"}
    assert not spoken.segments[0].HasField("language_probability")
    assert detected.segments[0].language_probability > 0.5
    assert len({"the", "and", "have", "who", "there"} & set(translated.text.lower().split())) >= 2
    assert "country" in timeless.text
    assert not timeless.words
    assert {segment.language for segment in restricted.segments} == {"en"}
    assert "country" in prompted.text


async def test_detection_keeps_to_the_candidates(shared: Stack) -> None:
    result = await shared.client.transcribe(
        pcm(recording("fleurs-de-005.ogg"))[: 6 * RATE], start("whisper/base", language_candidates=["fr", "es"])
    )
    assert result.segments
    assert {segment.language for segment in result.segments} <= {"fr", "es"}


async def test_fast_is_used_where_a_qualification_allows_it_and_may_be_declined(serve: Serve) -> None:
    speech = pcm(recording("jfk.wav"))
    async with serve(fast=True) as stack:
        stack.registry.models["whisper/tiny.en"].resource.qualification.min_encoder_input.FromTimedelta(SHORT)
        qualified = await stack.client.transcribe(speech)
        declined = await stack.client.transcribe(speech, start(decode_preference=pb.DECODE_PREFERENCE_ACCURATE))
    assert (qualified.started.fast, declined.started.fast) == (True, False)
    assert qualified.started.min_encoder_input.ToTimedelta() == SHORT
    assert not declined.started.HasField("min_encoder_input")
    assert normal(qualified.text) == normal(declined.text)

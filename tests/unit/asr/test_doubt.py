"""Loud audio that the detector rejects gets a second hearing, in its place between windows, and only sure text counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from locution_asr.core import decode as decoding
from locution_asr.core.conclude import Recognised
from locution_asr.core.decode import Attempt, DecodeRequest
from locution_asr.core.dispatch import Decoding
from locution_asr.core.endpointer import Endpointer, EndpointRule
from locution_asr.core.recognise import ALWAYS_AGAIN, RecogniseWindow
from locution_asr.domain.models import FRAME, Pcm, Piece, Sound, Window
from locution_asr.domain.ports import Draft
from locution_speech.asr import DecodeMode, Options, SectionStart
from locution_speech.clock import SAMPLE_RATE, Span, samples
from locution_speech.engine.dispatch import Dispatcher
from locution_speech.engine.models import Flow, FlowKey, ModelName
from locution_speech.engine.queue import WindowQueue
from locution_speech.transcript import CoverageSpan, DropReason, Outcome

from tests.unit.asr.fakes import FakeRecogniser, Unobserved, loaded, sound
from tests.unit.asr.test_endpointer import heard, windows

SPEECH = 8000
"""Mean level of what the detector takes for speech: samples of alternating sign, exact in every frame."""

PADDING = 0.3


def even(pcm: Pcm) -> Sound:
    """Call frames speech whose last bit is set: `said` sets it."""
    frames = pcm.reshape(-1, FRAME)
    return Sound((frames[:, 0] & 1).astype(np.float32), np.mean((frames / 32768.0) ** 2, axis=1).astype(np.float32))


def said(seconds: float) -> Pcm:
    return _level(seconds, SPEECH) | 1


def rejected(seconds: float, decibels: float) -> Pcm:
    return _level(seconds, round(SPEECH * 10 ** (decibels / 20))) & ~1


def silence(seconds: float) -> Pcm:
    return np.zeros(samples(seconds), np.int16)


def _level(seconds: float, level: int) -> Pcm:
    wave: Pcm = np.where(np.arange(samples(seconds)) % 2, level, -level).astype(np.int16)
    return wave


def endpointer() -> Endpointer:
    return Endpointer(even, ThreadPoolExecutor(1), EndpointRule().doubting())


async def cut(*parts: Pcm, chunk: int = 16000) -> list[Window]:
    return windows(await heard(endpointer(), np.concatenate(parts), chunk))


def bounds(found: Sequence[Window]) -> list[tuple[float, float]]:
    """Return where the doubtful windows begin and end, in seconds."""
    return [(each.span.start / SAMPLE_RATE, each.span.end / SAMPLE_RATE) for each in found if each.doubtful]


@pytest.mark.parametrize("chunk", [512, 16000, 48000])
async def test_what_is_nearly_as_loud_as_speech_is_heard_between_the_windows(chunk: int) -> None:
    found = await cut(said(3), silence(2), rejected(4, -9), silence(2), said(3), chunk=chunk)
    assert [each.doubtful for each in found] == [False, True, False]
    [(start, end)] = bounds(found)
    assert (start, end) == pytest.approx((5 - PADDING, 9 + PADDING), abs=0.3)
    assert np.array_equal(found[1].pcm, np.concatenate([silence(5), rejected(4, -9), silence(9)])[_samples(found[1])])
    assert all(a.span.end <= b.span.start for a, b in pairwise(found))


def _samples(window: Window) -> slice:
    at = window.span
    return slice(at.start, at.end)


@pytest.mark.parametrize(
    ("decibels", "seconds", "before"),
    [(-12, 4, 2), (-9, 0.6, 2), (0, 1.5, 0)],
    ids=["too quiet", "too short", "bridged, so the window holds it"],
)
async def test_what_is_quiet_short_or_in_a_window_is_not_heard_twice(
    decibels: float, seconds: float, before: float
) -> None:
    found = await cut(said(3), silence(before), rejected(seconds, decibels), silence(before), said(3))
    assert bounds(found) == []


async def test_audio_before_the_first_utterance_is_compared_with_it() -> None:
    found = await cut(rejected(3, -9), said(3))
    assert [each.doubtful for each in found] == [True, False]
    assert bounds(found) == [pytest.approx((0, 3 - PADDING), abs=0.1)]


async def test_audio_after_the_last_utterance_is_heard_to_its_end() -> None:
    found = await cut(said(3), silence(1), rejected(3, -9))
    assert [each.doubtful for each in found] == [False, True]
    assert bounds(found) == [pytest.approx((4 - PADDING, 7), abs=0.3)]


async def test_nothing_is_heard_twice_where_nobody_speaks() -> None:
    assert await cut(rejected(40, 0)) == []


async def test_long_noise_is_heard_in_windows_that_the_model_can_hold_and_memory_is_bounded() -> None:
    cutting = endpointer()
    held, found = 0, []
    noise = rejected(1, -3)
    for part in [said(3), *[noise] * 200, said(3)]:
        found += windows(await cutting.hear(part))
        cutting.forget(cutting.heard)
        held = max(held, cutting.buffer.held)
    found += windows(await cutting.finish())
    doubtful = bounds(found)
    assert max(end - start for start, end in doubtful) <= 29
    assert all(a[1] == b[0] for a, b in pairwise(doubtful))
    assert (doubtful[0][0], doubtful[-1][1]) == pytest.approx((3 + PADDING, 203 - PADDING), abs=0.1)
    assert held <= samples(60)


@pytest.mark.parametrize("chunk", [16000, 32000])
async def test_blips_in_long_noise_do_not_make_a_window_longer_than_the_model_hears(chunk: int) -> None:
    blips = [part for _ in range(150) for part in (rejected(0.52, -3), said(0.05))]
    found = await cut(said(3), *blips, rejected(2, -3), said(3), chunk=chunk)
    doubtful = bounds(found)
    assert max(end - start for start, end in doubtful) <= 29
    assert sum(end - start for start, end in doubtful) == pytest.approx(87, abs=2)


async def test_what_no_window_holds_because_it_would_be_too_long_is_heard_twice() -> None:
    found = await cut(said(20), rejected(1.9, -1), said(12))
    assert [each.doubtful for each in found] == [False, True, False]
    assert bounds(found) == [pytest.approx((20 + PADDING, 21.9 - PADDING), abs=0.1)]


async def test_the_short_rest_of_a_cut_leaves_the_level_of_speech_as_it_was() -> None:
    found = await cut(said(27.2), silence(5), rejected(4, -20), silence(5), rejected(4, -5))
    assert bounds(found) == [pytest.approx((27.2 + 14 - PADDING, 27.2 + 18), abs=0.4)]


async def test_noise_before_speech_is_forgotten_but_for_what_may_be_heard() -> None:
    cutting = endpointer()
    held = 0
    for part in [rejected(1, -3)] * 120:
        await cutting.hear(part)
        cutting.forget(cutting.heard)
        held = max(held, cutting.buffer.held)
    assert held <= samples(60)


async def test_live_rules_hear_nothing_twice() -> None:
    plain = Endpointer(even, ThreadPoolExecutor(1), EndpointRule())
    audio = np.concatenate([said(3), silence(3), rejected(4, 0), silence(3), said(3)])
    assert bounds(windows(await heard(plain, audio))) == []


DOUBTED = Window(
    0, np.zeros(samples(4), np.int16), (Piece(0, Span(0, samples(4)), (Span(0, samples(4)),)),), doubtful=True
)


async def recognised(recogniser: FakeRecogniser, decode: object = decoding.decode) -> Recognised:
    with ThreadPoolExecutor(1) as executor:
        dispatcher: Decoding = Dispatcher(WindowQueue(), decode, executor, 1, Unobserved())  # type: ignore[arg-type]
        start = SectionStart(ModelName("whisper/fake"), Flow(FlowKey("f")), options=Options(language="en"))
        return await RecogniseWindow(dispatcher, loaded(recogniser), start, DecodeMode.FAST).run(DOUBTED)


def saying(draft: Draft) -> FakeRecogniser:
    return FakeRecogniser(lambda pcm, prompt, search: draft)


async def test_sure_text_counts_as_speech_with_text() -> None:
    recogniser = saying(sound(" and so my fellow", mean_log_probability=-0.6, no_speech_probability=0.15))
    result = await recognised(recogniser)
    assert [each.text for each in result.segments] == ["and so my fellow"]
    assert recogniser.lengths == [samples(10), samples(30)], "on a cut input, then in full"
    assert {span.outcome for span in result.coverage} == {Outcome.TRANSCRIBED}
    assert result.speech == result.text_speech == sum(span.length for span in result.coverage)


@pytest.mark.parametrize(
    ("draft", "attempts"),
    [
        (sound(" oh my god", mean_log_probability=-0.7), 2),
        (sound(" thank you", no_speech_probability=0.25), 2),
        (sound(" go" * 30), 1),
        (sound(""), 1),
    ],
    ids=["improbable", "perhaps no speech", "runaway", "nothing"],
)
async def test_unsure_text_does_not_count_and_the_audio_is_no_speech(draft: Draft, attempts: int) -> None:
    result = await recognised(saying(draft))
    assert result.segments == ()
    assert result.coverage == (CoverageSpan(0, samples(4), Outcome.NO_SPEECH),)
    assert (result.speech, result.text_speech, result.timing.attempts) == (0, 0, attempts)


async def test_a_model_that_fails_says_so() -> None:
    def fail(requests: Sequence[DecodeRequest]) -> list[Attempt]:
        return [Attempt(None, DropReason.INFERENCE_FAILED, "en", None, {}, (), 1, 0.1) for _ in requests]

    result = await recognised(FakeRecogniser(), fail)
    assert {(span.outcome, span.reason) for span in result.coverage} == {(Outcome.FAILED, DropReason.INFERENCE_FAILED)}


@pytest.fixture
def calls() -> list[int]:
    """The sizes of the batches that `hearing` decoded."""
    return []


@pytest.fixture
async def hearing(calls: list[int]) -> AsyncIterator[RecogniseWindow]:
    """Each attempt takes thirty seconds of the engine and gives no text."""

    def slow(requests: Sequence[DecodeRequest]) -> list[Attempt]:
        calls.append(len(requests))
        return [Attempt(None, DropReason.NO_TEXT, "en", None, {}, (), 1, 30.0) for _ in requests]

    with ThreadPoolExecutor(1) as executor:
        dispatcher: Decoding = Dispatcher(WindowQueue(), slow, executor, 1, Unobserved())
        start = SectionStart(ModelName("whisper/fake"), Flow(FlowKey("f")), options=Options(language="en"))
        yield RecogniseWindow(dispatcher, loaded(FakeRecogniser()), start, DecodeMode.FAST)


async def test_second_hearings_end_when_their_time_is_spent(hearing: RecogniseWindow, calls: list[int]) -> None:
    for _ in range(ALWAYS_AGAIN):
        await hearing.run(DOUBTED)
    refused = await hearing.run(DOUBTED)
    assert len(calls) == ALWAYS_AGAIN
    assert refused.coverage == (CoverageSpan(0, samples(4), Outcome.NO_SPEECH),)


async def test_second_hearings_at_once_are_counted_when_they_begin(hearing: RecogniseWindow, calls: list[int]) -> None:
    await hearing.run(DOUBTED)
    await asyncio.gather(*(hearing.run(DOUBTED) for _ in range(20)))
    assert sum(calls) == ALWAYS_AGAIN

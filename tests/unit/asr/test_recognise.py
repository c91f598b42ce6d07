"""The attempts at a window: when it is decoded again, when it is dropped, and what is reported."""

from __future__ import annotations

from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from locution_asr.core.attempts import bucket, longest_window, plan_attempts
from locution_asr.core.conclude import Recognised
from locution_asr.core.decode import decode
from locution_asr.core.dispatch import Decoding
from locution_asr.core.recognise import RecogniseWindow
from locution_asr.domain.models import WINDOW_SAMPLES, Pcm, Piece, Window
from locution_asr.domain.ports import Draft, Prompt, Search
from locution_speech.asr import DecodeMode, Options, SectionStart
from locution_speech.clock import Span, samples
from locution_speech.engine.dispatch import Dispatcher
from locution_speech.engine.models import Flow, FlowKey, ModelName
from locution_speech.engine.queue import WindowQueue
from locution_speech.transcript import DropReason, Outcome

from tests.unit.asr.fakes import FakeRecogniser, Unobserved, loaded, sound

HEARD = samples(4)


def piece(at: int, start: int, length: int) -> Piece:
    span = Span(start, start + length)
    return Piece(at, span, (span,))


def window(*pieces: Piece, index: int = 0) -> Window:
    pieces = pieces or (piece(0, samples(10), HEARD),)
    return Window(index, np.zeros(sum(piece.span.length for piece in pieces), np.int16), pieces)


@pytest.fixture
async def dispatcher() -> AsyncIterator[Decoding]:
    with ThreadPoolExecutor(1) as executor:
        yield Dispatcher(WindowQueue(), decode, executor, 1, Unobserved())


async def recognised(
    dispatcher: Decoding, recogniser: FakeRecogniser, mode: DecodeMode = DecodeMode.FAST, options: Options | None = None
) -> Recognised:
    start = SectionStart(ModelName("whisper/fake"), Flow(FlowKey("f")), options=options or Options(language="en"))
    return await RecogniseWindow(dispatcher, loaded(recogniser), start, mode).run(window())


async def test_a_sound_draft_is_taken_from_a_short_window(dispatcher: Decoding) -> None:
    recogniser = FakeRecogniser()
    result = await recognised(dispatcher, recogniser)
    assert recogniser.lengths == [samples(10)]
    assert [segment.text for segment in result.segments] == ["hello there"]
    assert result.timing.attempts == 1
    assert result.speech == result.text_speech == HEARD


async def test_a_short_window_is_as_long_as_its_model_needs(dispatcher: Decoding) -> None:
    recogniser = FakeRecogniser()
    await recognised(dispatcher, recogniser, options=Options(language="en", shortest_input=samples(7.5)))
    assert recogniser.lengths == [samples(7.5)]


async def test_text_that_outgrows_its_audio_is_split_and_done_in_halves(dispatcher: Decoding) -> None:
    def speak(pcm: Pcm, prompt: Prompt, search: Search) -> Draft:
        draft = sound(" left right" if len(pcm) < HEARD else " all of it at once")
        return replace(draft, capped=len(pcm) >= HEARD)

    recogniser = FakeRecogniser(speak=speak)
    result = await recognised(dispatcher, recogniser, DecodeMode.ACCURATE)
    assert [segment.text for segment in result.segments] == ["left right", "left right"]
    assert {item.outcome for item in result.coverage} == {Outcome.TRANSCRIBED}
    assert [item.start for item in result.coverage] == [samples(10), result.coverage[0].end]
    assert result.timing.attempts == 3
    assert HEARD - 1 <= result.speech <= HEARD


async def test_text_that_stays_too_long_is_dropped_in_the_end(dispatcher: Decoding) -> None:
    recogniser = FakeRecogniser(speak=lambda pcm, prompt, search: replace(sound(" on and on"), capped=True))
    result = await recognised(dispatcher, recogniser, DecodeMode.ACCURATE)
    assert {(item.outcome, item.reason) for item in result.coverage} == {(Outcome.DROPPED, DropReason.TOO_MANY_TOKENS)}
    assert result.segments == ()


async def test_a_suspect_draft_is_decoded_again_in_full(dispatcher: Decoding) -> None:
    recogniser = FakeRecogniser()
    recogniser.speak = lambda pcm, prompt, search: sound(" all right" if recogniser.lengths[1:] else " na" * 50)
    result = await recognised(dispatcher, recogniser)
    assert recogniser.lengths == [samples(10), WINDOW_SAMPLES]
    assert result.segments[0].text == "all right"
    assert result.timing.attempts == 2


async def test_what_no_pass_mends_is_dropped_with_its_reason(dispatcher: Decoding) -> None:
    recogniser = FakeRecogniser(speak=lambda pcm, prompt, search: sound(" na" * 50))
    result = await recognised(dispatcher, recogniser)
    assert recogniser.lengths[:3] == [samples(10), WINDOW_SAMPLES, WINDOW_SAMPLES]
    assert result.segments == ()
    assert [(c.outcome, c.reason) for c in result.coverage] == [(Outcome.DROPPED, DropReason.REPETITION)]
    assert result.text_speech == 0


async def test_the_last_pass_forgets_the_prompt(dispatcher: Decoding) -> None:
    recogniser = FakeRecogniser(speak=lambda pcm, prompt, search: sound(" na" * 50))
    options = Options(language="en", prompt="Names:", hotwords=("Locution",))
    await recognised(dispatcher, recogniser, DecodeMode.ACCURATE, options)
    asked = [(prompt.text, prompt.hotwords) for prompt in recogniser.prompts]
    assert asked[:2] == [("Names:", ("Locution",)), ("", ())]
    assert set(asked[2:]) <= {("", ())}


async def test_sampling_happens_only_when_asked_for(dispatcher: Decoding) -> None:
    temperatures: list[float] = []

    def speak(pcm: Pcm, prompt: Prompt, search: Search) -> Draft:
        temperatures.append(search.temperature)
        return sound(" na" * 50)

    await recognised(dispatcher, FakeRecogniser(speak=speak), DecodeMode.ACCURATE)
    assert set(temperatures) == {0.0}
    await recognised(dispatcher, FakeRecogniser(speak=speak), options=Options(language="en", max_temperature=0.4))
    assert [temperature for temperature in temperatures if temperature] == [0.2, 0.4]


async def test_a_piece_without_a_word_is_not_called_transcribed(dispatcher: Decoding) -> None:
    spoken, silent = piece(0, 0, HEARD), piece(HEARD, 3 * HEARD, 8000)
    recogniser = FakeRecogniser(speak=lambda pcm, prompt, search: sound(" one two" if len(pcm) > HEARD else " "))
    start = SectionStart(ModelName("whisper/fake"), Flow(FlowKey("f")), options=Options(language="en"))
    result = await RecogniseWindow(dispatcher, loaded(recogniser), start, DecodeMode.ACCURATE).run(
        window(spoken, silent)
    )
    assert [(c.outcome, c.reason) for c in result.coverage] == [
        (Outcome.TRANSCRIBED, None),
        (Outcome.DROPPED, DropReason.NO_TEXT),
    ]
    assert (result.speech, result.text_speech) == (HEARD + 8000, HEARD)


@pytest.mark.parametrize(("heard", "length"), [(1, 10), (7.9, 10), (8.1, 12.5), (20, 22.5), (28.5, 30), (29, 30)])
def test_the_encoder_gets_what_it_needs_and_no_more(heard: float, length: float) -> None:
    assert bucket(samples(heard)) == samples(length)


def test_an_accurate_plan_has_the_requested_beam_on_full_windows() -> None:
    first, last = plan_attempts(Options(language="en", beam_size=3), DecodeMode.ACCURATE, HEARD)
    assert (first.length, first.search.beam_size) == (WINDOW_SAMPLES, 3)
    assert (last.search.beam_size, last.search.no_repeat_ngram) == (5, 3)


def test_a_fast_plan_cuts_the_encoders_input_and_keeps_the_search() -> None:
    first, second, _ = plan_attempts(Options(language="en", beam_size=3), DecodeMode.FAST, HEARD)
    assert (first.length, first.search.beam_size, first.whole) == (samples(10), 3, False)
    assert (second.length, second.search.beam_size, second.whole) == (WINDOW_SAMPLES, 5, True)


def test_fast_windows_are_shorter() -> None:
    assert longest_window(DecodeMode.FAST, samples(29)) == samples(18)
    assert longest_window(DecodeMode.ACCURATE, samples(29)) == samples(29)

"""Speech without words is decoded again on its own: what comes of it, and what it may cost."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
from locution_asr.core import decode as decoding
from locution_asr.core.conclude import Recognised
from locution_asr.core.decode import Attempt, DecodeRequest
from locution_asr.core.dispatch import Decoding
from locution_asr.core.recognise import AGAIN_SHARE, RecogniseWindow
from locution_asr.domain.models import Pcm, Piece, Window
from locution_asr.domain.ports import Draft, Search
from locution_speech.asr import DecodeMode, Options, SectionStart
from locution_speech.clock import Span, samples
from locution_speech.engine.dispatch import Dispatcher
from locution_speech.engine.models import Flow, FlowKey, ModelName
from locution_speech.engine.queue import WindowQueue
from locution_speech.transcript import DropReason, Outcome, Word

from tests.unit.asr.fakes import FakeEncoding, FakeRecogniser, Unobserved, loaded, sound

FIRST = samples(100)
"""Where the window begins in its section."""


class Told(FakeRecogniser):
    """Gives each window the words of a list that lie within it; a window's samples hold their own positions."""

    def __init__(self, *answers: list[tuple[str, float, float]]) -> None:
        super().__init__()
        self.answers = list(answers)
        self.heard: list[tuple[float, float]] = []

    def encode(self, windows: list[Pcm], length: int) -> FakeEncoding:  # type: ignore[override]
        super().encode(windows, length)
        return Telling(self, windows)


class Telling(FakeEncoding):
    recogniser: Told

    def generate(self, rows: object, prompts: object, search: Search) -> list[Draft]:
        self.chosen = [self.recogniser.answers.pop(0) if self.recogniser.answers else [] for _ in self.windows]
        self.recogniser.heard += [(float(w[0]) / 100, float(w[-1]) / 100) for w in self.windows]
        drafts = [sound("".join(f" {word}" for word, _, _ in words)) for words in self.chosen]
        return [replace(draft, tokens=draft.tokens[:4]) for draft in drafts]

    def align(self, rows: object, prompts: object, drafts: object, lengths: object) -> list[list[Word]]:
        return [[Word(samples(a), samples(b), text, 0.9) for text, a, b in words] for words in self.chosen]


def window(*utterances: tuple[float, float]) -> Window:
    """A window without removed silence whose samples are hundredths of their second."""
    spans = tuple(Span(FIRST + samples(a), FIRST + samples(b)) for a, b in utterances)
    length = samples(utterances[-1][1])
    pcm = (np.arange(length) * 100 // samples(1)).astype(np.int16)
    return Window(0, pcm, (Piece(0, Span(FIRST, FIRST + length), spans),))


@pytest.fixture
async def dispatcher() -> AsyncIterator[Decoding]:
    with ThreadPoolExecutor(1) as executor:
        yield Dispatcher(WindowQueue(), decoding.decode, executor, 1, Unobserved())


async def recognised(
    dispatcher: Decoding, recogniser: FakeRecogniser, heard: Window, mode: DecodeMode = DecodeMode.ACCURATE
) -> Recognised:
    start = SectionStart(ModelName("whisper/fake"), Flow(FlowKey("f")), options=Options(language="en"))
    return await RecogniseWindow(dispatcher, loaded(recogniser), start, mode).run(heard)


def texts(result: Recognised) -> list[tuple[str, float, float]]:
    return [(s.text, (s.start - FIRST) / 16000, (s.end - FIRST) / 16000) for s in result.segments]


def outcomes(result: Recognised) -> list[tuple[Outcome, str | None, float, float]]:
    return [(c.outcome, c.reason, (c.start - FIRST) / 16000, (c.end - FIRST) / 16000) for c in result.coverage]


async def test_text_that_ends_early_goes_on_from_where_it_ended(dispatcher: Decoding) -> None:
    told = Told(
        [("CHAPTER", 0.0, 0.5), ("35", 0.5, 1.1)],
        [("She", 0.2, 1.0), ("tried", 1.0, 2.0), ("to", 2.0, 3.0), ("be", 3.0, 4.5)],
    )
    result = await recognised(dispatcher, told, window((0, 6)))
    assert [start for start, _ in told.heard] == pytest.approx([0.0, 1.1], abs=0.02)
    assert [end for _, end in told.heard] == pytest.approx([5.99, 5.99])
    assert [text for text, _, _ in texts(result)] == ["CHAPTER 35", "She tried to be"]
    assert texts(result)[1][1] == pytest.approx(1.3, abs=0.02)
    assert outcomes(result) == [(Outcome.TRANSCRIBED, None, 0.0, 6.0)]
    assert (result.speech, result.text_speech, result.timing.attempts) == (samples(6), samples(6), 2)


async def test_a_sentence_left_out_comes_between_its_neighbours(dispatcher: Decoding) -> None:
    told = Told(
        [("one.", 0.0, 0.5), ("three.", 5.5, 6.0)],
        [("two", 0.5, 2.0), ("and", 2.0, 3.0), ("half.", 3.0, 4.0)],
    )
    result = await recognised(dispatcher, told, window((0, 6)))
    assert [text for text, _, _ in texts(result)] == ["one.", "two and half.", "three."]
    assert result.segments == tuple(sorted(result.segments, key=lambda item: item.start))


async def test_what_gives_no_words_again_is_dropped_to_the_sample(dispatcher: Decoding) -> None:
    told = Told([("one.", 0.0, 0.5), ("three.", 5.5, 6.0)], [], [])
    result = await recognised(dispatcher, told, window((0, 6)))
    assert outcomes(result) == [
        (Outcome.TRANSCRIBED, None, 0.0, 0.8),
        (Outcome.DROPPED, DropReason.NO_TEXT, 0.8, 5.2),
        (Outcome.TRANSCRIBED, None, 5.2, 6.0),
    ]
    assert result.speech - result.text_speech == samples(4.4)


async def test_a_doubled_sentence_in_the_place_of_another_is_decoded_again_in_full(dispatcher: Decoding) -> None:
    sentence = ["and", "my", "lady", "heard", "him"]
    once = [(word, i * 0.8, (i + 1) * 0.8) for i, word in enumerate(sentence)]
    twice = [*once, *((word, 4.0 + i * 0.02, 4.02 + i * 0.02) for i, word in enumerate(sentence))]
    told = Told(twice, [*once, *((word, 6 + i * 0.8, 6.8 + i * 0.8) for i, word in enumerate(["he", "came"]))])
    result = await recognised(dispatcher, told, window((0, 4.2), (6, 7.6)), DecodeMode.FAST)
    assert " ".join(text for text, _, _ in texts(result)) == "and my lady heard him he came"
    assert told.lengths == [samples(10), samples(30)]


async def test_a_doubled_sentence_that_hides_nothing_is_taken_out_at_once(dispatcher: Decoding) -> None:
    sentence = ["and", "my", "lady", "heard", "him"]
    once = [(word, i * 0.8, (i + 1) * 0.8) for i, word in enumerate(sentence)]
    told = Told([*once, *((word, 4.0 + i * 0.02, 4.02 + i * 0.02) for i, word in enumerate(sentence))])
    result = await recognised(dispatcher, told, window((0, 4.2)), DecodeMode.FAST)
    assert [text for text, _, _ in texts(result)] == ["and my lady heard him"]
    assert told.lengths == [samples(10)]


async def test_words_that_the_aligner_does_not_find_are_decoded_again_though_others_hide_them(
    dispatcher: Decoding,
) -> None:
    sentence = [(word, i * 0.8, (i + 1) * 0.8) for i, word in enumerate(["and", "my", "lady", "heard", "him"])]
    lost = ["then", "he", "went", "home"]
    instants = [(word, 4.0 + i * 0.02, 4.02 + i * 0.02) for i, word in enumerate(lost)]
    found = [(word, 4.1 + i * 0.25, 4.3 + i * 0.25) for i, word in enumerate(lost)]
    told = Told([*sentence, *instants], [*sentence, *found])
    result = await recognised(dispatcher, told, window((0, 5.3)), DecodeMode.FAST)
    assert " ".join(text for text, _, _ in texts(result)) == "and my lady heard him then he went home"
    assert told.lengths == [samples(10), samples(30)]


@pytest.mark.parametrize(
    ("reason", "lengths"), [(DropReason.IMPROBABLE_SPEECH, [10.0]), (DropReason.NO_TEXT, [10.0, 30.0])]
)
async def test_what_is_no_speech_on_a_cut_input_is_not_decoded_again_in_full(
    reason: DropReason, lengths: list[float]
) -> None:
    asked: list[float] = []

    def unsound(requests: Sequence[DecodeRequest]) -> list[Attempt]:
        [request] = requests
        words = (Word(0, samples(1), "yes", 0.9),) if not asked else ()
        asked.append(request.plan.length / samples(1))
        draft = sound(" yes") if words else None
        return [Attempt(draft, None if words else reason, "en", None, {}, words, 1, 0.1)]

    with ThreadPoolExecutor(1) as executor:
        dispatcher: Decoding = Dispatcher(WindowQueue(), unsound, executor, 1, Unobserved())
        result = await recognised(dispatcher, Told(), window((0, 1), (3, 3.9)), DecodeMode.FAST)
    assert asked[1:] == lengths
    assert outcomes(result)[-1][1] is reason


async def test_a_copy_that_stays_is_taken_out(dispatcher: Decoding) -> None:
    sentence = ["and", "my", "lady", "heard", "him"]
    once = [(word, i * 0.8, (i + 1) * 0.8) for i, word in enumerate(sentence)]
    twice = [*once, *((word, 4.0 + i * 0.02, 4.02 + i * 0.02) for i, word in enumerate(sentence))]
    result = await recognised(dispatcher, Told(twice, twice, twice), window((0, 4.2)), DecodeMode.FAST)
    assert [text for text, _, _ in texts(result)] == ["and my lady heard him"]
    assert outcomes(result) == [(Outcome.TRANSCRIBED, None, 0.0, 4.2)]


async def test_noise_is_decoded_again_for_half_of_its_time_at_most() -> None:
    audio = 20.0
    step = audio * AGAIN_SHARE / 5
    calls: list[int] = []

    def nothing(requests: Sequence[DecodeRequest]) -> list[Attempt]:
        calls.append(len(requests[0].pcm))
        return [Attempt(None, DropReason.NO_TEXT, "en", None, {}, (), 1, step) for _ in requests]

    with ThreadPoolExecutor(1) as executor:
        dispatcher: Decoding = Dispatcher(WindowQueue(), nothing, executor, 1, Unobserved())
        noise = Window(0, np.zeros(samples(audio), np.int16), (Piece(0, Span(0, samples(audio)), _every(2.5, audio)),))
        start = SectionStart(ModelName("whisper/fake"), Flow(FlowKey("f")), options=Options(language="en"))
        result = await RecogniseWindow(dispatcher, loaded(FakeRecogniser()), start, DecodeMode.ACCURATE).run(noise)
    first = sum(length == samples(audio) for length in calls)
    assert len(calls) - first == 5
    assert DropReason.BUDGET_SPENT in {span.reason for span in result.coverage}
    assert {span.outcome for span in result.coverage} == {Outcome.DROPPED}


def _every(each: float, whole: float) -> tuple[Span, ...]:
    return tuple(Span(samples(i * each), samples(i * each + each - 0.2)) for i in range(int(whole / each)))

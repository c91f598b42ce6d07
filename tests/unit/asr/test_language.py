"""Where the language changes in a window: slices, the path over them, and what is decoded in which language."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from locution_asr.core.decode import decode
from locution_asr.core.dispatch import Decoding
from locution_asr.core.language import LONGEST_SLICE, SHORTEST_SLICE, SectionLanguage, runs, slices
from locution_asr.core.recognise import RecogniseWindow
from locution_asr.domain.models import Pcm, Piece, Window
from locution_speech.asr import DecodeMode, Options, SectionStart
from locution_speech.clock import Span, samples
from locution_speech.engine.dispatch import Dispatcher
from locution_speech.engine.models import Flow, FlowKey, ModelName
from locution_speech.engine.queue import WindowQueue

from tests.unit.asr.fakes import FakeRecogniser, Unobserved, loaded, sound

ENGLISH = {"en": 0.97, "de": 0.02, "fr": 0.01}
GERMAN = {"en": 0.01, "de": 0.97, "fr": 0.02}
WEAK_FRENCH = {"en": 0.10, "de": 0.20, "fr": 0.70}


def window(*utterances: tuple[float, float]) -> Window:
    """A window whose utterances lie in one piece, with noise in them and nothing between."""
    length = samples(utterances[-1][1])
    pcm = np.zeros(length, np.int16)
    spans = tuple(Span(samples(a), samples(b)) for a, b in utterances)
    for span in spans:
        pcm[span.start : span.end] = np.random.default_rng(0).integers(-3000, 3000, span.length)
    return Window(0, pcm, (Piece(0, Span(0, length), spans),))


@pytest.mark.parametrize(
    ("utterances", "count"),
    [
        ([(0, 2)], 1),
        ([(0, 5), (5.6, 11)], 2),
        ([(0, 1), (1.6, 2.6), (3.2, 5)], 1),
        ([(0, 18)], 3),
        ([(0, 5), (5.6, 6.6)], 1),
        ([(0, 6), (6.6, 7.4), (8, 14)], 3),
    ],
)
def test_slices_cover_the_window_in_usable_lengths(utterances: list[tuple[float, float]], count: int) -> None:
    heard = window(*utterances)
    found = slices(heard)
    assert len(found) == count
    assert (found[0].start, found[-1].end) == (0, len(heard.pcm))
    assert all(before.end == after.start for before, after in pairwise(found))
    assert all(each.length <= LONGEST_SLICE + 2 * SHORTEST_SLICE for each in found)


def test_a_slice_ends_in_the_pause() -> None:
    assert slices(window((0, 5), (5.6, 11)))[0].end == samples(5.3)


def path(*heard: Mapping[str, float], prior: Mapping[str, float] | None = None, allowed: tuple[str, ...] = ()) -> str:
    parts = [Span(i * 10, i * 10 + 10) for i in range(len(heard))]
    return " ".join(f"{run.language}{run.length // 10}" for run in runs(parts, heard, prior, allowed))


def test_a_clear_change_is_followed_and_a_weak_one_is_not() -> None:
    assert path(ENGLISH, GERMAN) == "en1 de1"
    assert path(ENGLISH, GERMAN, ENGLISH) == "en1 de1 en1"
    assert path(GERMAN, WEAK_FRENCH, GERMAN) == "de3"
    assert path(GERMAN, WEAK_FRENCH, WEAK_FRENCH, WEAK_FRENCH) == "de1 fr3"


def test_the_first_window_and_the_candidates_count() -> None:
    unsure = {"en": 0.5, "de": 0.45, "fr": 0.05}
    assert path(unsure, unsure) == "en2"
    assert path(unsure, unsure, prior=GERMAN) == "de2"
    assert path(ENGLISH, GERMAN, allowed=("de", "fr")) == "de2"


def test_a_run_tells_how_probable_its_language_is() -> None:
    [run] = runs([Span(0, 10), Span(10, 20)], [GERMAN, WEAK_FRENCH], None, ())
    assert run.language == "de"
    assert run.probability == pytest.approx((0.97 + 0.20) / 2)


def numbered(word: str, length: int) -> str:
    """A word a second, told apart so that nothing repeats."""
    return "".join(f" {word} {chr(97 + i)}" for i in range(length // samples(1)))


@pytest.fixture
async def dispatcher() -> AsyncIterator[Decoding]:
    with ThreadPoolExecutor(1) as executor:
        yield Dispatcher(WindowQueue(), decode, executor, 1, Unobserved())


async def test_each_language_is_decoded_in_itself_and_detected_once(dispatcher: Decoding) -> None:
    """The fake hears English in quiet audio and German in loud audio, and says which language it was told."""

    def languages(pcm: Pcm) -> Mapping[str, float]:
        return GERMAN if np.abs(pcm).max() > 5000 else ENGLISH

    heard = window((0, 5), (5.6, 11))
    heard.pcm[samples(5.6) :] *= 3
    recogniser = FakeRecogniser(
        languages=languages, speak=lambda pcm, prompt, search: sound(numbered(prompt.language, len(pcm)))
    )
    start = SectionStart(ModelName("whisper/fake"), Flow(FlowKey("f")), options=Options())
    result = await RecogniseWindow(dispatcher, loaded(recogniser), start, DecodeMode.FAST).run(heard)
    assert {(s.language, s.text.split()[0]) for s in result.segments} == {("en", "en"), ("de", "de")}
    assert [s.language_probability for s in result.segments] == pytest.approx([0.97] * len(result.segments))
    assert [segment.language for segment in result.segments] == sorted(
        (segment.language or "" for segment in result.segments), reverse=True
    )
    assert result.segments[-1].start >= samples(5.3)


@pytest.mark.parametrize("first", ["fails", "was told its language"])
async def test_a_window_never_waits_for_a_first_one_that_heard_no_language(dispatcher: Decoding, first: str) -> None:
    def broken(pcm: Pcm) -> Mapping[str, float]:
        raise RuntimeError("out of memory")

    failing, sound_one = FakeRecogniser(languages=broken), FakeRecogniser(languages=lambda pcm: ENGLISH)
    told, flow, shared = Options(language="en"), Flow(FlowKey("f")), SectionLanguage()
    before = (failing, Options()) if first == "fails" else (sound_one, told)
    for index, (recogniser, options) in enumerate([before, (sound_one, Options())]):
        start = SectionStart(ModelName("whisper/fake"), flow, options=options)
        recognise = RecogniseWindow(dispatcher, loaded(recogniser), start, DecodeMode.FAST, shared)
        async with asyncio.timeout(30):
            found = await recognise.run(replace(window((0, 2)), index=index))
    assert [segment.language for segment in found.segments] == ["en"]


async def test_a_told_language_is_never_detected(dispatcher: Decoding) -> None:
    def refuse(pcm: Pcm) -> Mapping[str, float]:
        raise AssertionError("detected although it was told")

    recogniser = FakeRecogniser(languages=refuse, speak=lambda pcm, prompt, search: sound(numbered("ja", len(pcm))))
    start = SectionStart(ModelName("whisper/fake"), Flow(FlowKey("f")), options=Options(language="de"))
    result = await RecogniseWindow(dispatcher, loaded(recogniser), start, DecodeMode.FAST).run(
        window((0, 5), (5.6, 11))
    )
    assert {segment.language for segment in result.segments} == {"de"}

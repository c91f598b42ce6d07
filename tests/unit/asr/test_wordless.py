"""Speech without words, and words without sound, as the detector and the aligner see them."""

from __future__ import annotations

import pytest
from locution_asr.core.wordless import INSTANT, settled, soundless, wordless
from locution_speech.clock import Span, samples
from locution_speech.transcript import Word


def span(start: float, end: float) -> Span:
    return Span(samples(start), samples(end))


def said(*times: tuple[str, float, float]) -> list[Word]:
    return [Word(samples(start), samples(end), text, 0.9) for text, start, end in times]


def evenly(text: str, start: float, each: float) -> list[Word]:
    return said(*((word, start + i * each, start + (i + 1) * each) for i, word in enumerate(text.split())))


def test_speech_after_the_last_word_has_no_words() -> None:
    words = said(("CHAPTER", 0.0, 0.54), ("35", 0.54, 1.14))
    assert wordless([span(0, 6.3), span(6.9, 14)], words) == [span(1.44, 6.3), span(6.9, 14)]


def test_a_hole_between_words_has_no_words_and_a_shorter_one_is_a_pause() -> None:
    words = said(("years", 8.0, 8.8), ("he", 17.0, 17.7))
    assert wordless([span(8, 18)], words) == [span(9.1, 16.7)]
    assert wordless([span(8, 10.2)], words) == []


def test_a_word_stretched_over_a_hole_fills_only_what_a_word_can() -> None:
    words = said(("one", 0.0, 0.4), ("two", 0.4, 6.0), ("three", 6.0, 6.5))
    assert wordless([span(0, 6.5)], words) == [span(2.1, 5.7)]


def test_silence_between_utterances_is_not_counted() -> None:
    words = said(("one", 0.0, 0.4), ("two", 9.0, 9.4))
    assert wordless([span(0, 1.0), span(8.8, 9.5)], words) == []


def test_a_short_utterance_without_a_word_counts_and_a_cough_does_not() -> None:
    words = said(("country", 0.0, 0.8))
    assert wordless([span(0, 1), span(3, 3.6), span(5, 5.4)], words) == [span(3, 3.6)]


@pytest.mark.parametrize(
    ("before", "home"),
    [("3", (2.5, 3.5)), ("so", (0.0, 2.0)), ("so.", (2.5, 3.5))],
)
def test_a_word_stretched_over_a_pause_lies_on_one_side_of_it(before: str, home: tuple[float, float]) -> None:
    first = (before, -1.0, -0.5) if before == "3" else (before, 0.0, 0.4)
    words = said((first[0], first[1] + 5, first[2] + 5), ("what", first[2] + 5, 8.5), ("the", 8.5, 8.6))
    moved = [span(5, 7), span(7.5, 9)]
    word = settled(words, moved)[1]
    assert (word.start, word.end) == (samples(max(home[0] + 5, first[2] + 5)), samples(min(home[1] + 5, 8.5)))


def test_a_doubled_sentence_is_the_copy_without_time() -> None:
    first = evenly("and my lady heard him", 5.8, 0.2)
    second = evenly("and my lady heard him", 7.2, 0.02)
    assert soundless([*first, *second]) == {5, 6, 7, 8, 9}
    assert soundless([*second, *evenly("and my lady heard him", 7.4, 0.2)]) == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(("each", "lost"), [(0.02, {3, 4, 5}), (0.1, set())])
def test_a_few_words_said_again_are_a_copy_only_without_any_time(each: float, lost: set[int]) -> None:
    assert soundless([*evenly("all right, thanks", 0.0, 0.3), *evenly("All right, thanks.", 1.0, each)]) == lost


def test_a_sentence_that_is_said_twice_stays() -> None:
    assert (
        soundless([*evenly("he might even have been", 0.0, 0.3), *evenly("he might even have been", 1.6, 0.25)])
        == set()
    )


@pytest.mark.parametrize(("count", "lost"), [(3, 0), (4, 4), (9, 9)])
def test_words_in_a_row_without_duration_are_invented(count: int, lost: int) -> None:
    text = " ".join(f"w{i}" for i in range(count))
    words = [*evenly("this was said", 0.0, 0.3), *evenly(text, 1.0, 0.02), *evenly("and this too", 2.0, 0.3)]
    assert len(soundless(words)) == lost


def test_a_copy_that_is_hurried_but_not_instant_is_lost_too() -> None:
    first, second = evenly("thank you very much indeed", 0.0, 0.3), evenly("thank you very much indeed", 1.5, 0.1)
    assert samples(0.1) > INSTANT
    assert soundless([*first, *second]) == {5, 6, 7, 8, 9}

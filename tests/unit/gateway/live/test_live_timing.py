from __future__ import annotations

import pytest
from locution_gateway.live.timing import MOST_MARKS, Confirmation
from locution_speech.transcript import Word


def word(end: int) -> Word:
    return Word(end - 100, end, "word")


def test_a_word_is_timed_from_when_its_end_came_and_once() -> None:
    timing = Confirmation()
    for second in range(5):
        timing.received(second * 1000, float(second))
    words = (word(500), word(1500), word(2000))
    assert list(timing.confirmed(words, 4.5)) == [3.5, 2.5, 2.5]
    assert not list(timing.confirmed(words, 9.0))
    assert list(timing.confirmed((word(3500),), 6.0)) == [2.0]


def test_audio_that_came_before_the_stream_is_not_timed() -> None:
    timing = Confirmation()
    timing.received(9000, 1.0)
    assert not list(timing.confirmed((word(5000),), 2.0))


def test_memory_is_bounded_however_small_the_pieces_are() -> None:
    timing = Confirmation()
    for at in range(MOST_MARKS * 3):
        timing.received(at, float(at))
    assert len(timing._samples) == MOST_MARKS
    assert list(timing.confirmed((word(MOST_MARKS * 3 - 1),), 1e6)) == [pytest.approx(1e6 - (MOST_MARKS * 3 - 1))]

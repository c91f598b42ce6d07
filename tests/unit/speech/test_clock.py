"""One rate, one clock, one kind of span."""

from __future__ import annotations

import pytest
from locution_speech.clock import SAMPLE_RATE, Span, samples, seconds
from locution_speech.transcript import Segment, Word


def test_samples_and_seconds_are_each_others_inverse() -> None:
    assert samples(1.0) == SAMPLE_RATE
    assert [samples(seconds(count)) for count in (0, 1, 511, 12_345, 123_456_789)] == [0, 1, 511, 12_345, 123_456_789]
    assert (seconds(SAMPLE_RATE), samples(0.1)) == (1.0, 1600)


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (5, 4)])
def test_what_is_no_span_is_refused(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="invalid span"):
        Span(start, end)
    with pytest.raises(ValueError, match="invalid span"):
        Word(start, end, "word")


def test_a_segment_moves_with_its_words() -> None:
    segment = Segment(1, 9, "a b", (Word(1, 4, "a"), Word(5, 9, "b")), language="en")
    moved = segment.moved(100)
    assert (moved.start, moved.end, moved.language) == (101, 109, "en")
    assert [(word.start, word.end) for word in moved.words] == [(101, 104), (105, 109)]

"""Segments: readable, in order, with no word outside and none without a time."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from locution_asr.core.segments import SegmentRule, placed_words, split
from locution_asr.domain.models import Piece, Window
from locution_speech.clock import Span, samples
from locution_speech.transcript import Word, text_of

RULE = SegmentRule()


def words(text: str, each: float = 0.4, gaps: dict[int, float] | None = None) -> list[Word]:
    at, result = 0.0, []
    for i, word in enumerate(text.split()):
        at += (gaps or {}).get(i, 0.0)
        result.append(Word(samples(at), samples(at + each), word, 0.9))
        at += each
    return result


def split_texts(spoken: list[Word]) -> list[str]:
    return [text_of(group) for group in split(spoken, RULE)]


def test_sentences_part() -> None:
    assert split_texts(words("This is one sentence. And here is another? Yes, of course.")) == [
        "This is one sentence.",
        "And here is another?",
        "Yes, of course.",
    ]


def test_a_pause_parts_without_punctuation() -> None:
    assert split_texts(words("one two three four", gaps={2: 1.5})) == ["one two", "three four"]


def test_an_abbreviation_within_a_second_does_not_part() -> None:
    assert split_texts(words("Dr. Brown is here now.")) == ["Dr. Brown is here now."]


def test_endless_text_parts_at_commas_and_at_last_anywhere() -> None:
    spoken = words(" ".join("word" for _ in range(200)))
    groups = list(split(spoken, RULE))
    assert all(group[-1].end - group[0].start <= RULE.longest for group in groups)
    assert sum(groups, ()) == tuple(spoken)
    commas = split_texts(words(" ".join("word," if i % 5 == 4 else "word" for i in range(60))))
    assert all(text.endswith(",") for text in commas)


@pytest.mark.parametrize("seed", range(100))
def test_placed_words_are_ordered_inside_and_never_empty(seed: int) -> None:
    rng = random.Random(seed)
    pieces, at, start = [], 0, rng.randrange(0, 10000)
    for _ in range(rng.randrange(1, 5)):
        length = rng.randrange(8000, 60000)
        span = Span(start, start + length)
        pieces.append(Piece(at, span, (span,)))
        at, start = at + length, start + length + rng.randrange(0, 80000)
    window = Window(0, np.zeros(at, np.int16), tuple(pieces))
    count = rng.randrange(1, at // 2000)
    times = sorted(int(rng.choice([rng.random(), 0.5]) * at) for _ in range(count + 1))
    spoken = [Word(a, b, f"w{i}", 0.5) for i, (a, b) in enumerate(pairwise(times))]
    placed = placed_words(window, spoken)
    assert [word.text for word in placed] == [word.text for word in spoken]
    assert all(word.spaced for word in placed)
    before = window.span.start
    for word in placed:
        assert before <= word.start < word.end <= window.span.end
        before = word.end

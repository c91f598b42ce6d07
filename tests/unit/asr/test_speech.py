"""Utterances out of speech probabilities, fed in pieces of any size."""

from __future__ import annotations

import numpy as np
import pytest
from locution_asr.core.speech import SpeechRule, SpeechTracker
from locution_asr.domain.models import FRAME
from locution_speech.clock import Span, samples

RULE = SpeechRule()


def probabilities(*runs: tuple[float, float]) -> np.ndarray:
    """Build frames from (seconds, probability) runs."""
    return np.concatenate([np.full(samples(length) // FRAME, p, np.float32) for length, p in runs])


def utterances(frames: np.ndarray, step: int = 1000, rule: SpeechRule = RULE) -> list[Span]:
    tracker = SpeechTracker(rule)
    found = [span for at in range(0, len(frames), step) for span in tracker.feed(frames[at : at + step])]
    return [*found, *tracker.finish(len(frames) * FRAME)]


def test_silence_has_no_utterance() -> None:
    assert utterances(probabilities((10, 0.1))) == []


def test_an_utterance_ends_where_the_silence_began() -> None:
    [span] = utterances(probabilities((1, 0.0), (2, 0.9), (2, 0.0)))
    assert span.start == samples(1) // FRAME * FRAME
    assert span.length == samples(2) // FRAME * FRAME


def test_a_short_pause_does_not_end_an_utterance() -> None:
    assert len(utterances(probabilities((2, 0.9), (0.3, 0.0), (2, 0.9), (1, 0.0)))) == 1
    assert len(utterances(probabilities((2, 0.9), (0.7, 0.0), (2, 0.9), (1, 0.0)))) == 2


def test_doubt_between_the_thresholds_goes_on_but_does_not_begin() -> None:
    assert utterances(probabilities((2, 0.45), (1, 0.0))) == []
    assert len(utterances(probabilities((1, 0.9), (1, 0.45), (1, 0.9), (1, 0.0)))) == 1


def test_a_click_is_no_speech() -> None:
    assert utterances(probabilities((1, 0.0), (0.064, 0.9), (1, 0.0))) == []


def test_speech_up_to_the_end_is_closed_there() -> None:
    frames = probabilities((1, 0.0), (2, 0.9))
    assert utterances(frames)[0].end == len(frames) * FRAME


def test_endless_speech_is_cut_at_its_quietest_and_loses_nothing() -> None:
    frames = probabilities((20, 0.9), (0.2, 0.6), (60, 0.9), (1, 0.0))
    spans = utterances(frames)
    assert len(spans) >= 3
    assert all(span.length <= RULE.longest for span in spans)
    assert spans[0].end == pytest.approx(samples(20.1), abs=samples(0.1))
    assert [a.end for a in spans[:-1]] == [b.start for b in spans[1:]]


@pytest.mark.parametrize("step", [1, 7, 31, 100000])
def test_the_size_of_the_pieces_does_not_matter(step: int) -> None:
    rng = np.random.default_rng(7)
    frames = np.repeat(rng.random(400).astype(np.float32), rng.integers(1, 30, 400))
    assert utterances(frames, step) == utterances(frames)
    assert utterances(frames)

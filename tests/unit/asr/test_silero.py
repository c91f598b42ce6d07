"""The speech detector: in pieces or whole, from the start or from a place in the middle, it judges alike."""

from __future__ import annotations

import numpy as np
import pytest
from locution_asr.adapters.silero import CELL, SileroDetector
from locution_asr.core.endpointer import WARM_UP
from locution_asr.domain.models import FRAME, QUIET_BELOW, Pcm


def noise(cells: float) -> Pcm:
    chance = np.random.default_rng(5)
    samples: Pcm = chance.integers(-8000, 8000, round(cells * CELL) * FRAME).astype(np.int16)
    return samples


@pytest.mark.parametrize("frames", [1, 31, CELL - 1, CELL, CELL + 1])
def test_pieces_are_judged_as_the_whole(frames: int) -> None:
    audio, whole, pieces = noise(3.5), SileroDetector(), SileroDetector()
    expected = whole(audio).speech
    found = [pieces(audio[at : at + frames * FRAME]).speech for at in range(0, len(audio), frames * FRAME)]
    assert np.abs(np.concatenate(found) - expected).max() < 1e-5


def test_after_the_warm_up_a_stream_goes_on_as_if_it_had_begun_before() -> None:
    audio, first = noise(7.3), round(1.4 * CELL) * FRAME
    expected = SileroDetector()(audio).speech
    assert expected.max() < QUIET_BELOW
    found = SileroDetector(first)(audio[first:]).speech
    at = (first + WARM_UP) // FRAME
    assert np.abs(found[at - first // FRAME :] - expected[at:]).max() < 1e-4
    elsewhere = SileroDetector()(audio[first:]).speech
    assert np.abs(elsewhere[at - first // FRAME :] - expected[at:]).max() > 1e-3

from __future__ import annotations

import numpy as np
import pytest
from locution_diarizer.core.windows import WindowCutter
from locution_speech.pcm import to_bytes

from tests.unit.diarizer.sections import GRID

RATE = 16_000


@pytest.mark.parametrize("seconds", [0.5, 9.99, 10, 10.5, 12.5, 30, 31.3])
@pytest.mark.parametrize("chunk", [320, 16_000, 24_001])
def test_windows_cover_the_audio_and_the_last_is_filled_up(seconds: float, chunk: int) -> None:
    audio = np.arange(round(seconds * RATE)) % 1000 / 32768
    pcm = to_bytes(audio.astype(np.float32))
    cutter = WindowCutter(GRID)
    windows = [w for at in range(0, len(pcm), 2 * chunk) for w in cutter.feed(pcm[at : at + 2 * chunk])]
    windows += cutter.finish()
    assert len(windows) == max(0, -(-(len(audio) - GRID.size) // GRID.step)) + 1
    for window in windows:
        start = window.index * GRID.step
        expected = audio[start : start + GRID.size]
        np.testing.assert_array_equal(window.audio, np.pad(expected, (0, GRID.size - len(expected))))
    assert windows[-1].end == len(audio)


def test_no_audio_gives_no_window() -> None:
    assert list(WindowCutter(GRID).finish()) == []


def test_only_the_tail_is_kept() -> None:
    cutter = WindowCutter(GRID)
    for _ in range(600):
        list(cutter.feed(bytes(2 * RATE)))
    assert len(cutter._tail) < GRID.size

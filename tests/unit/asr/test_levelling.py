"""What the speech detector gets: no rumble, no offset, and quiet speech as loud as loud speech."""

from __future__ import annotations

import numpy as np
import pytest
from locution_asr.adapters.levelling import Leveller
from locution_asr.domain.models import FRAME
from locution_speech.clock import SAMPLE_RATE
from numpy.typing import NDArray

Wave = NDArray[np.float32]


def tone(hertz: float, decibels: float, seconds: float = 4.0) -> Wave:
    time = np.arange(round(seconds * SAMPLE_RATE) // FRAME * FRAME) / SAMPLE_RATE
    wave: Wave = (np.sqrt(2) * 10 ** (decibels / 20) * np.sin(2 * np.pi * hertz * time)).astype(np.float32)
    return wave


def level(wave: Wave) -> float:
    return float(10 * np.log10(np.mean(wave.astype(np.float64) ** 2) + 1e-20))


def levelled(wave: Wave) -> Wave:
    return Leveller()(wave.reshape(-1, FRAME))[0].reshape(-1)


@pytest.mark.parametrize("hertz", [15, 20])
def test_rumble_far_above_the_voice_is_gone(hertz: float) -> None:
    rest = levelled(tone(300, -45) + tone(hertz, -20)) - levelled(tone(300, -45))
    assert level(rest[-SAMPLE_RATE:]) < -22 - 15


def test_an_offset_changes_nothing() -> None:
    rest = levelled(tone(300, -40, 8) + np.float32(0.3)) - levelled(tone(300, -40, 8))
    assert level(rest[-SAMPLE_RATE:]) < -22 - 40


@pytest.mark.parametrize("decibels", [-10, -30, -55])
def test_speech_of_any_loudness_has_one_level(decibels: float) -> None:
    assert level(levelled(tone(300, decibels))[SAMPLE_RATE:]) == pytest.approx(-22, abs=0.5)


def test_the_gain_is_bounded() -> None:
    assert level(levelled(tone(300, -80))[SAMPLE_RATE:]) == pytest.approx(-40, abs=0.5)


def test_quiet_speech_after_loud_speech_is_raised_within_seconds() -> None:
    after = levelled(np.concatenate([tone(300, -15), tone(300, -45, 8)]))[len(tone(300, -15)) :]
    assert level(after[: SAMPLE_RATE // 2]) < -45
    assert level(after[4 * SAMPLE_RATE : 5 * SAMPLE_RATE]) == pytest.approx(-22, abs=1)


def test_audio_older_than_the_warm_up_has_no_effect() -> None:
    loud, quiet = tone(300, 0, 2), tone(300, -70, 9)
    fresh, after = levelled(quiet), levelled(np.concatenate([loud, quiet]))[len(loud) :]
    assert np.abs(fresh[-FRAME:] - after[-FRAME:]).max() < 1e-4


@pytest.mark.parametrize("frames", [1, 3, 64])
def test_pieces_give_what_the_whole_gives(frames: int) -> None:
    wave = np.concatenate([tone(300, -15), tone(200, -45)]).reshape(-1, FRAME)
    (whole, power), leveller = Leveller()(wave), Leveller()
    pieces = [leveller(wave[at : at + frames]) for at in range(0, len(wave), frames)]
    assert np.abs(whole - np.concatenate([levelled for levelled, _ in pieces])).max() < 1e-6
    assert np.abs(power - np.concatenate([mean for _, mean in pieces])).max() < 1e-6


@pytest.mark.parametrize(("hertz", "decibels"), [(300, -20), (1000, -45)])
def test_the_power_is_that_of_the_original_without_rumble(hertz: int, decibels: float) -> None:
    _, power = Leveller()((tone(hertz, decibels) + tone(20, -10) + np.float32(0.1)).reshape(-1, FRAME))
    assert 10 * np.log10(power[-20:].mean()) == pytest.approx(decibels, abs=0.5)

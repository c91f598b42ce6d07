from __future__ import annotations

import numpy as np
import pytest
from locution_gateway.media.choice import by_sound

from tests.data import media_files as files

RATE = files.RATE


def hiss(seconds: float, db: float) -> bytes:
    noise = np.random.default_rng(5).standard_normal(round(seconds * RATE)) * 10 ** (db / 20)
    return (np.clip(noise, -1, 1) * 32_767).astype("<i2").tobytes()


def speech(seconds: float, db: float = -20, share: float = 0.4) -> bytes:
    """Make sound in a share of each second."""
    sound = np.frombuffer(hiss(seconds, db), "<i2").copy()
    sound[(np.arange(len(sound)) % RATE) >= share * RATE] = 0
    return sound.tobytes()


SILENCE = bytes(2 * 60 * RATE)


@pytest.mark.parametrize(
    ("tracks", "taken"),
    [
        ([speech(30), speech(30)], 0),
        ([speech(30, -35), speech(30)], 0),
        ([hiss(30, -50), speech(30)], 1),
        ([SILENCE[: 60 * RATE], speech(30)], 1),
        ([SILENCE[: 60 * RATE], speech(30, -50)], 1),
        ([hiss(30, -75), SILENCE[: 60 * RATE], speech(30, -55)], 2),
        ([speech(30, share=0.02), speech(30)], 0),
        ([hiss(30, -50), speech(30, share=0.01)], 0),
        ([b"", speech(30)], 1),
        ([speech(30), b""], 0),
    ],
)
def test_the_first_track_is_taken_unless_it_is_quiet_beside_another(tracks: list[bytes], taken: int) -> None:
    assert by_sound([(track, 1) for track in tracks], ended=False) == taken


def test_channels_count_together() -> None:
    assert by_sound([(SILENCE[: 120 * RATE], 2), (speech(60), 2)], ended=False) == 1


def test_less_than_half_a_minute_does_not_decide() -> None:
    tracks = [(hiss(29, -50), 1), (speech(29), 1)]
    assert by_sound(tracks, ended=False) is None
    assert by_sound(tracks, ended=True) == 1


def test_silence_everywhere_is_listened_to_for_five_minutes() -> None:
    assert by_sound([(SILENCE, 1), (SILENCE, 1)], ended=False) is None
    assert by_sound([(SILENCE, 1), (SILENCE, 1)], ended=True) == 0
    assert by_sound([(SILENCE * 5, 1), (SILENCE * 5, 1)], ended=False) == 0
    assert by_sound([(SILENCE, 1), (SILENCE[: 100 * RATE] + speech(10), 1)], ended=False) == 1


def test_nothing_at_all_takes_the_first() -> None:
    assert by_sound([(b"", 1), (b"", 1)], ended=True) == 0

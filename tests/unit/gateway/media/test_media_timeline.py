from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

import av
import numpy as np
import pytest
from locution_common.errors import Reason
from locution_gateway.media.containers import UnusableError
from locution_gateway.media.timeline import Timeline

RATE = 16_000
FRAME = 320
LENGTH = FRAME / RATE


def frame(time: float | None, value: int = 1, kind: str = "s16", base: Fraction = Fraction(1, RATE)) -> av.AudioFrame:
    made = av.AudioFrame.from_ndarray(np.full((1, FRAME), value, {"s16": "i2", "u8": "u1"}[kind]), kind, "mono")
    made.sample_rate, made.time_base = RATE, base
    made.pts = None if time is None else round(time / base)
    return made


def run(times: Iterable[float | None], origin: float | None = 0.0, *, splices: bool = False, limit: float = 1e6) -> str:
    """Place frames, and draw each 20 ms of the result as sound, a part of sound, or silence."""
    line = Timeline(origin, splices, limit)
    placed = [part for time in times for part in line.place(frame(time))] + list(line.finish())
    values = np.concatenate([part.to_ndarray()[0] for part in placed])
    assert len(values) == round(line.end * RATE)
    slots = np.add.reduceat(values, np.arange(0, len(values), FRAME))
    return "".join("#" if slot == FRAME else "-" if slot else "." for slot in slots)


def steady(count: int, start: float = 0.0) -> list[float]:
    return [start + number * LENGTH for number in range(count)]


def test_what_is_in_its_place_stays() -> None:
    assert run(steady(40)) == "#" * 40


def test_a_late_start_is_silence() -> None:
    assert run(steady(30, 1.0)) == "." * 50 + "#" * 30
    assert run(steady(30, 1.0), origin=None) == "#" * 30
    assert run(steady(30, 5.0), origin=4.0) == "." * 50 + "#" * 30


def test_a_hole_is_silence_of_its_length() -> None:
    assert run(steady(10) + steady(40, 1.2)) == "#" * 10 + "." * 50 + "#" * 40


def test_holes_that_follow_each_other_soon_are_each_in_their_place() -> None:
    times = steady(10) + steady(5, 1.0) + steady(5, 2.0) + steady(40, 3.0)
    assert run(times) == "#" * 10 + "." * 40 + "#" * 5 + "." * 45 + "#" * 5 + "." * 45 + "#" * 40


def test_a_hole_before_the_last_moment_counts_unless_one_frame_alone_says_so() -> None:
    assert run(steady(10) + steady(2, 1.2)) == "#" * 10 + "." * 50 + "##"
    assert run([*steady(10), 500.0]) == "#" * 11


def test_rounded_and_jittery_times_change_nothing() -> None:
    jitter = np.random.default_rng(3).uniform(-0.035, 0.035, 100)
    assert run(time + shift for time, shift in zip(steady(100), jitter, strict=True)) == "#" * 100
    line = Timeline(0.0, False, 1e6)
    placed = [part for time in steady(100) for part in line.place(frame(time, base=Fraction(1, 50)))]
    assert len(placed) == 100


def test_a_stray_time_is_not_believed() -> None:
    times: list[float | None] = [*steady(50)]
    times[20], times[30], times[40] = 4000.0, -7.0, None
    assert run(times) == "#" * 50


def test_a_clock_that_runs_faster_or_slower_is_followed() -> None:
    fast = run(number * LENGTH * 1.01 for number in range(1000))
    assert len(fast) * LENGTH == pytest.approx(1000 * LENGTH * 1.01, abs=0.06)
    assert fast.count("#") > 980
    slow = run(number * LENGTH * 0.99 for number in range(1000))
    assert len(slow) * LENGTH == pytest.approx(1000 * LENGTH * 0.99, abs=0.06)
    assert "." not in slow


def test_an_overlap_is_dropped() -> None:
    assert run(steady(50) + steady(50, 0.8)) == "#" * 90


def test_a_clock_that_jumps_back_begins_again() -> None:
    assert run(steady(50, 100.0) + steady(50, 1.0), origin=100.0) == "#" * 100


def test_a_clock_that_stands_still_is_not_believed() -> None:
    assert run([0.0] * 200) == "#" * 200


def test_broadcasts_are_joined_without_a_hole() -> None:
    times = steady(50) + steady(50, 700.0)
    assert run(times, splices=True) == "#" * 100
    assert len(run(times)) == 35_050
    assert len(run(steady(50) + steady(50, 500.0), splices=True)) == 25_050


def test_what_lies_before_the_start_is_not_heard() -> None:
    assert run(steady(50, -0.2)) == "#" * 40


def test_a_hole_beyond_the_limit_is_refused_and_not_filled() -> None:
    with pytest.raises(UnusableError) as caught:
        run(steady(10) + steady(40, 7200.0), limit=3600)
    assert caught.value.reason is Reason.MEDIA_TOO_LONG


def test_sound_behind_silence_that_was_given_already_is_refused() -> None:
    line = Timeline(0.0, False, 1e6)
    assert sum(part.samples for part in line.fill(60.0, frame(None))) == 60 * RATE
    with pytest.raises(UnusableError) as caught:
        _ = [list(line.place(frame(time))) for time in steady(50, 10.0)]
    assert caught.value.reason is Reason.MEDIA_TOO_COMPLEX


def test_silence_of_bytes_is_their_middle() -> None:
    line = Timeline(0.0, False, 1e6)
    placed = [part for time in steady(50, 1.0) for part in line.place(frame(time, 128, "u8"))]
    assert {int(value) for part in placed for value in part.to_ndarray()[0]} == {128}


@pytest.mark.parametrize("layout", ["mono", "5.1", "7.1", "9 channels"])
@pytest.mark.parametrize("kind", ["fltp", "s16", "s32p"])
def test_frames_of_any_shape_are_cut_and_followed_by_silence(layout: str, kind: str) -> None:
    line = Timeline(0.0, False, 1e6)
    placed = []
    for time in steady(40, -0.01) + steady(30, 2.0):
        made = av.AudioFrame(kind, layout, FRAME)
        made.sample_rate, made.time_base, made.pts = RATE, Fraction(1, RATE), round((time - 0.1) * RATE)
        placed += list(line.place(made))
    placed += list(line.finish())
    assert {(part.format.name, part.layout.nb_channels) for part in placed} == {(kind, made.layout.nb_channels)}
    assert sum(part.samples for part in placed) == round((2.0 - 0.1 + 30 * LENGTH) * RATE)


def test_the_time_before_the_first_sound_is_known() -> None:
    line = Timeline(0.0, False, 1e6)
    for time in steady(50, 2.5) + steady(50, 9.0):
        list(line.place(frame(time)))
    assert line.lead == pytest.approx(2.5)

from __future__ import annotations

import itertools
import random

import numpy as np
import numpy.typing as npt
import pytest
from locution_gateway.media.sections import FRAME, Section, Sectioner, SectionRule

RATE = 16_000
RULE = SectionRule(target=20.0, minimum=8.0, maximum=32.0)


def speech(seconds: float, seed: int, level: float = 3000.0) -> npt.NDArray[np.int16]:
    """Make noise that swells like syllables, four a second, over a floor of 20."""
    generator = np.random.default_rng(seed)
    count = round(seconds * RATE)
    swell = 0.3 + 0.7 * np.abs(np.sin(2 * np.pi * 2 * np.arange(count) / RATE))
    return (generator.normal(0, 1, count) * (level * swell + 20)).clip(-32768, 32767).astype(np.int16)


def quiet(seconds: float, seed: int = 0, level: float = 20.0) -> npt.NDArray[np.int16]:
    return np.random.default_rng(seed).normal(0, level, round(seconds * RATE)).astype(np.int16)


def cut(pcm: bytes, rule: SectionRule = RULE, channels: int = 1, seed: int | None = None) -> list[Section]:
    sectioner, sections, at = Sectioner(rule, channels), list[Section](), 0
    sizes = random.Random(seed)
    while at < len(pcm):
        size = 65_536 if seed is None else sizes.randrange(1, 200_000)
        sections += sectioner.push(pcm[at : at + size])
        at += size
    return sections + sectioner.finish()


def assert_partition(sections: list[Section], samples: int) -> None:
    assert sections[0].start == 0
    assert sections[-1].end == samples
    assert all(left.end == right.start for left, right in itertools.pairwise(sections))
    assert all(section.end > section.start for section in sections)


def test_nothing_gives_no_section() -> None:
    assert Sectioner(RULE).finish() == []


def test_a_short_recording_is_one_section_to_the_sample() -> None:
    for samples in (1, FRAME - 1, FRAME + 1, 5 * RATE + 7):
        assert cut(bytes(2 * samples)) == [Section(0, samples)]


def test_cuts_lie_in_the_pauses() -> None:
    spoken, pause = 4.0, 0.6
    parts = [part for number in range(30) for part in (speech(spoken, number), quiet(pause, number))]
    audio = np.concatenate(parts)
    sections = cut(audio.tobytes())
    assert_partition(sections, len(audio))
    for section in sections[:-1]:
        assert section.end / RATE % (spoken + pause) > spoken + 0.05
        assert abs((section.end - section.start) / RATE - RULE.target) < spoken + pause


def test_a_pause_far_from_the_target_beats_speech_at_the_target() -> None:
    audio = np.concatenate([speech(10, 1), quiet(0.5), speech(40, 2)])
    first = cut(audio.tobytes())[0]
    assert 10.0 < first.end / RATE < 10.5


def test_a_quiet_voice_after_a_loud_one_is_not_taken_for_a_pause() -> None:
    audio = np.concatenate([speech(14, 1, 9000), quiet(0.4), speech(11, 2, 250), quiet(0.5, 3), speech(20, 4, 9000)])
    for section in cut(audio.tobytes())[:-1]:
        at = section.end / RATE
        assert 14.0 < at < 14.4 or 25.4 < at < 25.9


def test_a_noisy_room_has_pauses_too() -> None:
    generator = np.random.default_rng(3)
    clean = np.concatenate([part for n in range(12) for part in (speech(5, n, 6000), quiet(0.7, n))])
    noisy = (clean + generator.normal(0, 500, len(clean))).clip(-32768, 32767).astype(np.int16)
    for section in cut(noisy.tobytes())[:-1]:
        assert section.end / RATE % 5.7 > 5.0


@pytest.mark.parametrize("level", [0.0, 3000.0])
def test_silence_and_steady_noise_are_cut_within_the_limits(level: float) -> None:
    audio = quiet(150, level=level)
    sections = cut(audio.tobytes())
    assert_partition(sections, len(audio))
    for section in sections:
        assert RULE.minimum * RATE <= section.end - section.start <= RULE.maximum * RATE


@pytest.mark.parametrize("seed", range(6))
def test_cuts_do_not_depend_on_how_the_bytes_arrive(seed: int) -> None:
    generator = random.Random(seed)
    parts = [
        part for n in range(25) for part in (speech(generator.uniform(1, 9), n), quiet(generator.uniform(0, 1), n))
    ]
    pcm = np.concatenate(parts).tobytes()
    whole = Sectioner(RULE)
    assert cut(pcm, seed=seed) == cut(pcm) == whole.push(pcm) + whole.finish()


def test_two_channels_are_cut_where_both_pause() -> None:
    left, right = speech(60, 1), speech(60, 2)
    for start, end, channel in ((18, 19, left), (19.5, 20.5, right), (24, 24.6, left), (24, 24.6, right)):
        channel[int(start * RATE) : int(end * RATE)] = quiet(end - start)[: int(end * RATE) - int(start * RATE)]
    audio = np.stack([left, right], axis=1)
    sections = cut(audio.tobytes(), channels=2)
    assert_partition(sections, len(audio))
    assert 24.0 < sections[0].end / RATE < 24.6
    assert cut(audio.tobytes(), channels=2, seed=5) == sections


def test_memory_is_bounded_by_the_rule() -> None:
    sectioner = Sectioner(RULE)
    minute = quiet(60).tobytes()
    for _ in range(30):
        sectioner.push(minute)
        assert len(sectioner._levels) * FRAME < (RULE.maximum + RULE.minimum) * RATE
        assert len(sectioner._pending) < FRAME * 2


@pytest.mark.parametrize("values", [(10, 20, 60), (50, 20, 60), (10, 0.5, 30), (40, 20, 50)])
def test_rules_that_cannot_hold_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="sections require"):
        SectionRule(*values)

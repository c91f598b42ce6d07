"""A live ear cuts as a section's does, and goes on elsewhere as if nothing had happened."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from locution_asr.core.live_ear import WARM_UP, Closed, Heard, LiveEar, LiveRule, Opened, aligned
from locution_asr.core.speech import FRAME
from locution_asr.core.transcribe import Ear, SectionRule
from locution_asr.domain.models import Mode, Pcm, Window, samples
from numpy.typing import NDArray

RULE = LiveRule()


def loud(pcm: Pcm) -> NDArray[np.float32]:
    """Call frames speech that hold sound."""
    return np.asarray(np.abs(pcm.reshape(-1, FRAME)).max(axis=1) > 0, np.float32)


def recording(*parts: tuple[float, bool]) -> Pcm:
    """Return seconds of noise and of silence in turn."""
    chance = np.random.default_rng(1)
    pieces = [
        chance.integers(1000, 9000, samples(length)).astype(np.int16) if sound else np.zeros(samples(length), np.int16)
        for length, sound in parts
    ]
    return np.concatenate(pieces)


CONVERSATION = recording(
    (1.0, False),
    (3.0, True),
    (1.0, False),
    (2.5, True),
    (9.0, False),
    (31.0, True),
    (0.7, False),
    (6.0, True),
    (2.0, False),
)


async def heard(ear: LiveEar, audio: Pcm, chunk: int = 1600) -> list[Heard]:
    found: list[Heard] = []
    for at in range(0, len(audio), chunk):
        found += await ear.hear(audio[at : at + chunk])
    return [*found, *(await ear.finish())]


def windows(found: Sequence[Heard]) -> list[Window]:
    return [event for event in found if isinstance(event, Window)]


def live_ear(first: int = 0, done: int = 0, rule: LiveRule = RULE) -> LiveEar:
    return LiveEar(loud, ThreadPoolExecutor(1), rule, first, done)


@pytest.mark.parametrize("rule", [*map(SectionRule().in_mode, Mode), SectionRule().detecting()])
@pytest.mark.parametrize("chunk", [160, 1600, 16000, 32000])
async def test_windows_are_those_of_a_section(chunk: int, rule: SectionRule) -> None:
    ear = Ear(loud, ThreadPoolExecutor(1), rule, live=False)
    section = []
    for at in range(0, len(CONVERSATION), 16000):
        section += await ear.hear(CONVERSATION[at : at + 16000])
    section += await ear.finish()
    same = LiveRule(rule.speech, rule.window).ending(0, 0)
    live = windows(await heard(live_ear(rule=same), CONVERSATION, chunk))
    assert [window.pieces for window in live] == [window.pieces for window in section]
    assert all(np.array_equal(a.pcm, b.pcm) for a, b in zip(live, section, strict=True))


async def test_every_opening_has_its_end() -> None:
    found = await heard(live_ear(), CONVERSATION)
    spoken = [event for event in found if isinstance(event, Opened | Closed)]
    assert len(spoken) >= 8
    open_now = 0
    for event in spoken:
        open_now += 1 if isinstance(event, Opened) else -1 if open_now else 0
        assert open_now in (0, 1)
    assert open_now == 0


async def test_a_silence_that_was_asked_for_holds_where_the_language_is_detected() -> None:
    asked = LiveRule(window=SectionRule().detecting().window).ending(samples(3.0), 0)
    assert asked.window.ends(samples(10), samples(2.8))
    assert not asked.window.ends(samples(10), samples(2.6))


async def test_a_shorter_silence_ends_windows_sooner() -> None:
    found = windows(await heard(live_ear(rule=RULE.ending(samples(0.8), 0)), CONVERSATION))
    assert len(found) > len(windows(await heard(live_ear(), CONVERSATION)))
    assert found[0].span.end < samples(4.6)


async def test_no_window_is_longer_than_asked() -> None:
    found = windows(await heard(live_ear(rule=RULE.ending(0, samples(10))), CONVERSATION))
    assert max(len(window.pcm) for window in found) <= samples(10)


@pytest.mark.parametrize("lost_at", range(3, 50, 4))
async def test_another_ear_goes_on_with_the_same_windows(lost_at: int) -> None:
    """What one ear has done, and what another hears from the frame before it, together are the whole."""
    whole = windows(await heard(live_ear(), CONVERSATION))
    ear, before = live_ear(), []
    for at in range(0, samples(lost_at), 1600):
        before += windows(await ear.hear(CONVERSATION[at : at + 1600]))
    done = before[-1].span.end if before else 0
    if ear.window_since is None:
        done = max(done, ear.quiet_until)
    first = aligned(max(0, done - WARM_UP))
    after = windows(await heard(live_ear(first, done), CONVERSATION[first:]))
    together = [window.span for window in [*before, *after]]
    assert len(together) == len(whole)
    for mine, theirs in zip(together, whole, strict=True):
        assert abs(mine.start - theirs.span.start) <= FRAME
        assert abs(mine.end - theirs.span.end) <= FRAME

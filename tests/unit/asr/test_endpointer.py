"""One endpointer cuts files and live streams, however their audio comes, and goes on elsewhere as if nothing had happened."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from locution_asr.core.endpointer import Endpointer, EndpointRule, Heard, Utterance
from locution_asr.domain.models import FRAME, Pcm, Sound, Window
from locution_speech.asr import DecodeMode, SpeechEvent
from locution_speech.clock import samples

RULE = EndpointRule()


def loud(pcm: Pcm) -> Sound:
    """Call frames speech that hold sound."""
    frames = pcm.reshape(-1, FRAME).astype(np.float32) / 32768
    return Sound(np.asarray(np.abs(frames).max(axis=1) > 0, np.float32), np.mean(frames**2, axis=1))


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


async def heard(endpointer: Endpointer, audio: Pcm, chunk: int = 1600) -> list[Heard]:
    found: list[Heard] = []
    for at in range(0, len(audio), chunk):
        found += await endpointer.hear(audio[at : at + chunk])
    return [*found, *(await endpointer.finish())]


def windows(found: Sequence[Heard]) -> list[Window]:
    return [event for event in found if isinstance(event, Window)]


def endpointer(first: int = 0, done: int = 0, rule: EndpointRule = RULE) -> Endpointer:
    return Endpointer(loud, ThreadPoolExecutor(1), rule, first, done)


@pytest.mark.parametrize("rule", [*map(EndpointRule().in_mode, DecodeMode)])
@pytest.mark.parametrize("chunk", [160, 1600, 16000, 32000])
async def test_windows_of_a_live_stream_are_those_of_a_section(chunk: int, rule: EndpointRule) -> None:
    whole = endpointer(rule=rule)
    section: list[Heard] = []
    for at in range(0, len(CONVERSATION), 16000):
        section += await whole.hear(CONVERSATION[at : at + 16000])
        whole.forget(whole.heard)
    section += await whole.finish()
    live = windows(await heard(endpointer(rule=rule.ending(0, 0)), CONVERSATION, chunk))
    assert [window.pieces for window in live] == [window.pieces for window in windows(section)]
    assert all(np.array_equal(a.pcm, b.pcm) for a, b in zip(live, windows(section), strict=True))


@pytest.mark.parametrize("chunk", [160, 16000, 80000])
async def test_utterances_apart_have_a_window_each_which_ends_at_once(chunk: int) -> None:
    cut = endpointer(rule=RULE.apart())
    found: list[Heard] = []
    for at in range(0, samples(10.0), chunk):
        found += await cut.hear(CONVERSATION[at : at + chunk])
    ended = [event for event in found if isinstance(event, Utterance)]
    assert [(window.span.start, window.span.end) for window in windows(found)] == [
        (max(0, event.start - RULE.window.padding), event.end) for event in ended
    ]
    assert len(ended) == 2


async def test_what_no_window_needs_is_forgotten() -> None:
    cut = endpointer()
    for at in range(0, len(CONVERSATION), 16000):
        await cut.hear(CONVERSATION[at : at + 16000])
        cut.forget(cut.heard)
        assert cut.buffer.held <= RULE.speech.longest + samples(3.0)


async def test_every_opening_has_its_end() -> None:
    found = await heard(endpointer(), CONVERSATION)
    spoken = [event for event in found if isinstance(event, SpeechEvent | Utterance)]
    assert len(spoken) >= 8
    open_now = 0
    for event in spoken:
        open_now += 1 if isinstance(event, SpeechEvent) else -1 if open_now else 0
        assert open_now in (0, 1)
    assert open_now == 0


async def test_a_shorter_silence_ends_windows_sooner() -> None:
    found = windows(await heard(endpointer(rule=RULE.ending(samples(0.8), 0)), CONVERSATION))
    assert len(found) > len(windows(await heard(endpointer(), CONVERSATION)))
    assert found[0].span.end < samples(4.6)


async def test_no_window_is_longer_than_asked() -> None:
    found = windows(await heard(endpointer(rule=RULE.ending(0, samples(10))), CONVERSATION))
    assert max(len(window.pcm) for window in found) <= samples(10)


@pytest.mark.parametrize("lost_at", range(3, 50, 4))
async def test_another_endpointer_goes_on_with_the_same_windows(lost_at: int) -> None:
    """What one has done, and what another hears from the frame before it, together are the whole."""
    whole = windows(await heard(endpointer(), CONVERSATION))
    first_one, before = endpointer(), []
    for at in range(0, samples(lost_at), 1600):
        before += windows(await first_one.hear(CONVERSATION[at : at + 1600]))
    done = before[-1].span.end if before else 0
    if first_one.window_since is None:
        done = max(done, first_one.quiet_until)
    first = RULE.sizes.begin(done)
    after = windows(await heard(endpointer(first, done), CONVERSATION[first:]))
    together = [window.span for window in [*before, *after]]
    assert len(together) == len(whole)
    for mine, theirs in zip(together, whole, strict=True):
        assert abs(mine.start - theirs.span.start) <= FRAME
        assert abs(mine.end - theirs.span.end) <= FRAME


@pytest.mark.parametrize("silence", [0.5, 0.8, 3.0, 0.0])
@pytest.mark.parametrize("chunk", [320, 1600, 4800])
async def test_a_window_is_expected_as_it_will_be_and_asking_changes_nothing(silence: float, chunk: int) -> None:
    rule = RULE.ending(samples(silence), 0)
    unasked = windows(await heard(endpointer(rule=rule), CONVERSATION, chunk))
    cut, found, foreseen = endpointer(rule=rule), [], 0
    expected: Window | None = None
    for at in range(0, len(CONVERSATION), chunk):
        for window in windows(await cut.hear(CONVERSATION[at : at + chunk])):
            found.append(window)
            if expected is not None and expected.pieces == window.pieces:
                foreseen += 1
                assert np.array_equal(expected.pcm, window.pcm)
                assert expected.index == window.index
        expected = cut.expected()
    found += windows(await cut.finish())
    assert [window.pieces for window in found] == [window.pieces for window in unasked]
    pauses = [second.span.start - first.span.end for first, second in pairwise(found)]
    assert foreseen >= sum(pause >= samples(max(silence, 1.0)) for pause in pauses) > 0


async def test_no_window_is_expected_before_its_padding_is_there_nor_once_speech_goes_on() -> None:
    cut = endpointer(rule=RULE.ending(samples(0.8), 0))
    audio = recording((2.0, True), (0.4, False), (1.0, True), (1.0, False))
    told: dict[float, bool] = {}
    for at in range(0, len(audio), 1600):
        await cut.hear(audio[at : at + 1600])
        told[round((at + 1600) / 16_000, 1)] = cut.expected() is not None
    assert [at for at, expected in told.items() if expected] == [2.4, 3.8, 3.9, 4.0, 4.1, 4.2]

"""Windows: their limits, their pieces, and the way back to the section."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from locution_asr.core.windows import PcmBuffer, WindowPlanner, WindowRule, halves, place
from locution_asr.domain.models import Window
from locution_speech.clock import Span, samples, seconds

RULE = WindowRule()
LENGTH = samples(200)


def counting(length: int = LENGTH) -> np.ndarray:
    """Return samples that say where they are, modulo 30000."""
    return (np.arange(length) % 30000).astype(np.int16)


def planned(*utterances: tuple[float, float], rule: WindowRule = RULE) -> list[Window]:
    buffer = PcmBuffer()
    buffer.append(counting())
    planner = WindowPlanner(rule, buffer)
    windows: list[Window] = []
    for start, end in utterances:
        windows += planner.add(Span(samples(start), samples(end)), LENGTH)
    return [*windows, *planner.flush()]


def test_a_window_holds_its_utterance_and_its_padding() -> None:
    [window] = planned((10, 12))
    assert window.span == Span(samples(9.7), samples(12.3))
    assert np.array_equal(window.pcm, counting()[samples(9.7) : samples(12.3)])


def test_padding_stops_at_the_section_and_at_the_neighbour() -> None:
    [window] = planned((0.1, 1.0), (1.5, 2.0))
    assert window.pieces[0].span == Span(0, samples(2.3))
    assert len(window.pieces) == 1


def test_long_silence_is_taken_out_and_put_back() -> None:
    [window] = planned((10, 12), (17, 19))
    first, second = window.pieces
    assert len(window.pcm) == first.span.length + second.span.length
    assert place(window, Span(samples(0.5), samples(1.0))) == Span(samples(10.2), samples(10.7))
    after = seconds(second.at)
    assert place(window, Span(samples(after + 0.5), samples(after + 1.0))) == Span(samples(17.2), samples(17.7))
    across = place(window, Span(samples(after - 0.1), samples(after + 0.5)))
    assert across.start == second.span.start


def test_windows_stay_below_the_longest() -> None:
    windows = planned(*((at, at + 9) for at in range(0, 150, 10)))
    assert len(windows) > 3
    assert all(len(window.pcm) <= RULE.longest for window in windows)
    assert [window.index for window in windows] == list(range(len(windows)))


def test_a_long_pause_ends_a_window() -> None:
    assert len(planned((0, 2), (20, 22))) == 2


def test_pieces_never_overlap_and_speech_is_counted_once() -> None:
    utterances = [(at * 3.0, at * 3.0 + 2.4) for at in range(40)]
    windows = planned(*utterances)
    pieces = [piece for window in windows for piece in window.pieces]
    assert all(a.span.end <= b.span.start for a, b in pairwise(pieces))
    assert sum(piece.speech for piece in pieces) == 40 * samples(2.4)


def test_the_buffer_forgets_what_nobody_needs() -> None:
    buffer = PcmBuffer()
    for at in range(100):
        buffer.append(np.full(1600, at, np.int16))
        buffer.drop_before(buffer.end - 4000)
        assert buffer.held <= 4000 + 1600
    assert buffer.end == 160_000
    assert set(buffer.slice(Span(158_400, 160_000))) == {99}
    with pytest.raises(ValueError, match="is not within"):
        buffer.slice(Span(0, 10))


def test_halves_meet_where_it_is_quiet_and_keep_every_sample() -> None:
    [window] = planned((10, 20), (24, 28))
    pcm = np.full(len(window.pcm), 500, np.int16)
    quiet = samples(6.05)
    pcm[quiet - samples(0.15) : quiet + samples(0.15)] = 3
    parts = halves(replace(window, pcm=pcm))
    assert parts is not None
    left, right = parts
    assert abs(len(left.pcm) - quiet) <= samples(0.15)
    assert np.array_equal(np.concatenate([left.pcm, right.pcm]), pcm)
    assert (left.span.start, right.span.end) == (window.span.start, window.span.end)
    for part in parts:
        assert sum(piece.span.length for piece in part.pieces) == len(part.pcm)
        assert part.pieces[0].at == 0


def test_what_is_short_is_not_split() -> None:
    [window] = planned((10, 12))
    assert halves(window) is None

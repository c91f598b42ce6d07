"""Every sample of a section is accounted for."""

from __future__ import annotations

import random

import pytest
from locution_asr.core.coverage import check, partition
from locution_speech.transcript import CoverageSpan, DropReason, Outcome

SPOKEN, SILENT, DROPPED = Outcome.TRANSCRIBED, Outcome.NO_SPEECH, Outcome.DROPPED


def test_gaps_are_no_speech_and_equal_neighbours_are_joined() -> None:
    spans = [CoverageSpan(10, 20, SPOKEN), CoverageSpan(20, 30, SPOKEN)]
    assert partition(50, spans) == (
        CoverageSpan(0, 10, SILENT),
        CoverageSpan(10, 30, SPOKEN),
        CoverageSpan(30, 50, SILENT),
    )


def test_reasons_keep_neighbours_apart() -> None:
    spans = [
        CoverageSpan(0, 10, DROPPED, DropReason.REPETITION),
        CoverageSpan(10, 20, DROPPED, DropReason.NO_TEXT),
    ]
    assert partition(20, spans) == tuple(spans)


def test_an_empty_section_has_an_empty_partition() -> None:
    assert partition(0, []) == ()


@pytest.mark.parametrize("seed", range(50))
def test_any_spans_become_a_partition(seed: int) -> None:
    rng = random.Random(seed)
    length = rng.randrange(1, 1000)
    starts = sorted(rng.randrange(0, length + 50) for _ in range(rng.randrange(0, 20)))
    spans = [CoverageSpan(s, s + rng.randrange(0, 80), rng.choice(list(Outcome))) for s in starts]
    check(length, partition(length, spans))


def test_the_check_finds_faults() -> None:
    with pytest.raises(ValueError, match="gap or overlap"):
        check(20, [CoverageSpan(0, 10, SPOKEN), CoverageSpan(11, 20, SPOKEN)])
    with pytest.raises(ValueError, match="ends"):
        check(20, [CoverageSpan(0, 10, SPOKEN)])

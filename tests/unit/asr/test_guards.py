"""Drafts that look invented are recognised; ordinary text is not."""

from __future__ import annotations

import pytest
from locution_asr.core.guards import Guard, compression_ratio, judge, loops
from locution_asr.domain.ports import Draft
from locution_speech.transcript import DropReason

from tests.unit.asr.fakes import sound

GUARD = Guard()
PLAIN = "And so, my fellow Americans, ask not what your country can do for you."


def draft(
    text: str = PLAIN,
    tokens: tuple[int, ...] = tuple(range(20)),
    lp: float = -0.3,
    silent: float = 0.1,
    capped: bool = False,
) -> Draft:
    return Draft(tokens, text, lp, silent, capped)


def test_plain_text_is_sound() -> None:
    assert judge(draft(), GUARD) is None


@pytest.mark.parametrize(
    ("suspect", "reason"),
    [
        (draft(text="  "), DropReason.NO_TEXT),
        (draft(text="Thank you. " * 12), DropReason.REPETITION),
        (draft(tokens=(5, 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3)), DropReason.REPETITION),
        (draft(capped=True), DropReason.TOO_MANY_TOKENS),
        (draft(lp=-1.2), DropReason.LOW_PROBABILITY),
        (draft(lp=-1.2, silent=0.9), DropReason.IMPROBABLE_SPEECH),
    ],
)
def test_suspects_are_named(suspect: Draft, reason: DropReason) -> None:
    assert judge(suspect, GUARD) is reason


@pytest.mark.parametrize(
    ("run", "times", "caught"), [(1, 7, False), (1, 8, True), (2, 4, False), (2, 5, True), (9, 3, False), (9, 4, True)]
)
def test_loops_are_counted(run: int, times: int, caught: bool) -> None:
    tokens = (100, 101, *tuple(range(run)) * times, 102)
    assert loops(tokens) is caught


def test_the_token_cap_grows_with_the_audio() -> None:
    assert GUARD.token_cap(10) == 84
    assert GUARD.token_cap(10, density=2.0) == 154


def test_the_compression_ratio_of_natural_text_is_low() -> None:
    assert compression_ratio(PLAIN) < 1.5
    assert compression_ratio("la " * 100) > 10


def test_more_tokens_than_the_audio_holds_are_suspect() -> None:
    assert judge(sound(" one two"), Guard(), limit=8) is None
    assert judge(sound(" one two"), Guard(), limit=7) is DropReason.TOO_MANY_TOKENS

"""Confirmed words stay on the screen when another engine takes over."""

from __future__ import annotations

from locution_gateway.live.shown import Shown
from locution_speech.transcript import Word


def words(count: int, first: int = 0) -> tuple[Word, ...]:
    return tuple(Word(at * 10, at * 10 + 10, f"w{at}") for at in range(first, first + count))


def test_an_engine_that_takes_over_shows_its_text_once_it_reaches_what_was_confirmed() -> None:
    shown = Shown()
    assert shown.replace(words(3))
    shown.hold()
    assert [shown.replace(words(count)) for count in (0, 2, 3, 0)] == [False, False, True, True]


def test_what_a_final_covers_need_not_be_reached_again() -> None:
    shown = Shown()
    assert shown.replace(words(4))
    shown.final(20)
    shown.hold()
    assert not shown.replace(words(1, first=2))
    shown.final(40)
    assert shown.replace(())

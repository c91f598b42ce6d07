from __future__ import annotations

from locution_asr.core.agreement import Agreement, plain
from locution_speech.clock import samples
from locution_speech.transcript import Word, text_of


def words(text: str, start: float = 0.0, each: float = 0.4) -> list[Word]:
    """Place words one behind the other, `each` seconds long."""
    placed = []
    for index, word in enumerate(text.split()):
        begin = samples(start + index * each)
        placed.append(Word(begin, begin + samples(each), word, 0.9))
    return placed


def said(found: tuple[Word, ...]) -> str:
    return text_of(found)


def test_one_look_confirms_nothing() -> None:
    agreement = Agreement()
    agreement.take(words("ask not what"))
    assert said(agreement.confirmed) == ""
    assert said(agreement.pending) == "ask not what"


def test_two_looks_confirm_the_words_at_their_front_that_are_the_same() -> None:
    agreement = Agreement()
    agreement.take(words("ask not what you"))
    agreement.take(words("Ask not, what your country"))
    assert said(agreement.confirmed) == "Ask not, what"
    assert said(agreement.pending) == "your country"


def test_confirmed_words_never_change() -> None:
    agreement = Agreement()
    agreement.take(words("ask not"))
    agreement.take(words("ask not what"))
    agreement.take(words("task knot what your"))
    assert said(agreement.confirmed).startswith("ask not")


def test_words_that_a_look_repeats_at_its_front_are_not_confirmed_again() -> None:
    agreement = Agreement()
    agreement.take(words("and so my fellow"))
    agreement.take(words("and so my fellow americans"))
    assert said(agreement.confirmed) == "and so my fellow"
    agreement.take(words("my fellow americans ask", start=0.8))
    agreement.take(words("my fellow americans ask not", start=0.8))
    assert said(agreement.confirmed) == "and so my fellow americans ask"


def test_words_repeated_at_shifted_times_are_recognised_by_their_text() -> None:
    agreement = Agreement()
    agreement.take(words("my fellow"))
    agreement.take(words("my fellow americans"))
    agreement.take(words("my fellow americans", start=0.35))
    assert said(agreement.confirmed + agreement.pending) == "my fellow americans"


def test_settling_confirms_what_the_last_look_gave() -> None:
    agreement = Agreement()
    agreement.take(words("ask not"))
    agreement.settle(samples(0.8))
    assert said(agreement.confirmed) == "ask not"
    assert agreement.pending == ()


def test_words_that_reach_into_the_silence_are_settled_before_it() -> None:
    agreement = Agreement()
    agreement.take(words("ask not what", each=0.5))
    agreement.settle(samples(0.9))
    assert [(word.start, word.end) for word in agreement.confirmed] == [
        (0, samples(0.5)), (samples(0.5), samples(0.9)), (samples(0.9) - 1, samples(0.9)),
    ]  # fmt: skip
    assert agreement.behind(samples(0.9)).confirmed == ()


def test_where_speech_is_cut_the_words_behind_stay_open() -> None:
    agreement = Agreement()
    agreement.take(words("ask not what your"))
    agreement.cut(samples(0.8))
    assert said(agreement.confirmed) == "ask not"
    assert said(agreement.pending) == "what your"


def test_what_was_no_speech_confirms_nothing() -> None:
    agreement = Agreement()
    agreement.take(words("ask"))
    agreement.take(words("ask not"))
    agreement.drop()
    assert (said(agreement.confirmed), agreement.pending) == ("ask", ())


def test_what_lies_behind_a_window_belongs_to_the_next() -> None:
    agreement = Agreement()
    agreement.take(words("one two three four"))
    agreement.take(words("one two three four five"))
    later = agreement.behind(samples(0.8))
    assert said(later.confirmed) == "three four"
    assert said(later.pending) == "five"


def test_case_and_punctuation_do_not_count() -> None:
    assert plain(" Ask,") == plain("ask")
    assert plain("...") == "..."
    assert plain("don’t") == plain("dont")

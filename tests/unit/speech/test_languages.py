"""What languages are called, how they are written, and how finely they are split."""

from __future__ import annotations

import pytest
from locution_speech.capabilities import Capabilities
from locution_speech.languages import canonical, ends_clause, ends_sentence, space, token_density
from locution_speech.transcript import Word, text_of


@pytest.mark.parametrize(
    ("tag", "code"), [("pt-BR", "pt"), ("cmn-Hans-CN", "zh"), ("jv", "jv"), ("jw", "jv"), ("zh_TW", "zh"), ("nb", "no")]
)
def test_a_language_has_one_tag(tag: str, code: str) -> None:
    assert canonical(tag) == code
    assert canonical(canonical(tag)) == code


def test_a_model_knows_a_language_with_any_region() -> None:
    can = Capabilities(("en", "zh", "pt-BR"))
    assert all(can.knows(tag) for tag in ("en", "en-US", "cmn-Hans", "zh-TW", "pt-BR"))
    assert not any(can.knows(tag) for tag in ("de", "pt-PT", ""))


@pytest.mark.parametrize(("language", "density"), [("en", 1.0), ("ja", 2.0), ("ru-RU", 2.0), ("cmn", 2.0), (None, 2.0)])
def test_density(language: str | None, density: float) -> None:
    assert token_density(language) == density


@pytest.mark.parametrize("text", ["end.", 'said."', "真的？", "ended!)", "है।", "so…»"])
def test_sentences_end_in_every_script(text: str) -> None:
    assert ends_sentence(text)
    assert not ends_clause(text)


def test_a_clause_is_no_sentence() -> None:
    assert ends_clause("first,")
    assert not ends_sentence("first,")


def test_sentences_are_joined_as_their_language_is_written() -> None:
    assert [space(language) for language in ("en", "zh-CN", "cmn", "th", None)] == [" ", "", "", "", " "]


def test_words_are_joined_as_they_were_written() -> None:
    words = [Word(0, 1, "1,000"), Word(1, 2, "-2,000", spaced=False), Word(2, 3, "元", spaced=False), Word(3, 4, "now")]
    assert text_of(words) == "1,000-2,000元 now"

"""What languages are called, how they are written, and how finely they are split."""

from __future__ import annotations

import pytest
from locution_speech.capabilities import Capabilities, Match
from locution_speech.languages import (
    Tag,
    UnknownLanguage,
    canonical,
    ends_clause,
    ends_sentence,
    from_whisper,
    read,
    space,
    to_whisper,
    token_density,
)
from locution_speech.transcript import Word, text_of


@pytest.mark.parametrize(
    ("text", "tag", "whisper"),
    [
        ("EN", Tag("en"), "en"),
        ("en-US", Tag("en", rest="US"), "en"),
        ("pt_BR", Tag("pt", rest="BR"), "pt"),
        ("nb", Tag("no"), "no"),
        ("no", Tag("no"), "no"),
        ("nn", Tag("nn"), "nn"),
        ("iw", Tag("he"), "he"),
        ("in", Tag("id"), "id"),
        ("ji", Tag("yi"), "yi"),
        ("mo", Tag("ro"), "ro"),
        ("jv", Tag("jv"), "jw"),
        ("jw", Tag("jv"), "jw"),
        ("fil", Tag("tl"), "tl"),
        ("tl", Tag("tl"), "tl"),
        ("yue", Tag("yue"), "yue"),
        ("haw", Tag("haw"), "haw"),
        ("eng", Tag("en"), "en"),
        ("deu", Tag("de"), "de"),
        ("ger", Tag("de"), "de"),
        ("cmn", Tag("zh"), "zh"),
        ("cmn-Hans-CN", Tag("zh", "Hans", "CN"), "zh"),
        ("zh-Hant", Tag("zh", "Hant"), "zh"),
        ("zh_TW", Tag("zh", rest="TW"), "zh"),
        ("sr-Latn", Tag("sr", "Latn"), "sr"),
        ("en-Latn", Tag("en"), "en"),
        ("ca-valencia", Tag("ca", rest="valencia"), "ca"),
    ],
)
def test_a_language_is_read_as_people_write_it(text: str, tag: Tag, whisper: str) -> None:
    assert read(text) == tag
    assert canonical(text) == canonical(canonical(text)) == tag.language
    assert to_whisper(text) == whisper
    assert from_whisper(whisper) == tag.language


@pytest.mark.parametrize("text", ["", "e", "klingon", "en us", "en_US.UTF-8", "-"])
def test_what_is_no_code_is_no_language(text: str) -> None:
    with pytest.raises(UnknownLanguage):
        read(text)
    assert canonical(text) == text
    assert not MULTILINGUAL.knows(text)


MULTILINGUAL = Capabilities(("en", "he", "jv", "no", "pt-BR", "tl", "zh"))


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("EN", Match("en")),
        ("en-US", Match("en", "US")),
        ("iw", Match("he")),
        ("jw", Match("jv")),
        ("nb-NO", Match("no", "NO")),
        ("pt_BR", Match("pt-BR")),
        ("pt", None),
        ("pt-PT", None),
        ("fil", Match("tl")),
        ("zh-TW", Match("zh", "TW")),
        ("zh-Hant", None),
        ("cmn-Hans", None),
        ("nn", None),
        ("de", None),
        ("auto", None),
    ],
)
def test_a_model_ignores_a_region_but_never_a_script(text: str, match: Match | None) -> None:
    assert MULTILINGUAL.match(text) == match
    assert MULTILINGUAL.knows(text) == (match is not None)


def test_a_model_that_writes_one_script_has_it_in_its_tag() -> None:
    can = Capabilities(("zh-Hant", "zh"))
    assert [can.match(text) for text in ("zh-Hant-TW", "zh", "zh-Hans")] == [Match("zh-Hant", "TW"), Match("zh"), None]


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

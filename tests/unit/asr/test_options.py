"""Options: what a model cannot do is refused by name; what steers the decoder is cleaned."""

from __future__ import annotations

from dataclasses import replace

import pytest
from locution_asr.core.options import as_qualified, choose_mode, settle
from locution_asr.core.prompts import clean, clean_hotwords
from locution_common.errors import Reason
from locution_speech.asr import DecodeMode, ModeChoice, Options, Task
from locution_speech.capabilities import Capabilities
from locution_speech.clock import samples
from locution_speech.languages import from_whisper, to_whisper

from tests.support.refusals import refusal
from tests.unit.asr.fakes import record

ENGLISH = Capabilities(("en",))
MANY = Capabilities(("en", "de", "fr"), True, True)


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (Options(language="de"), "language"),
        (Options(allowed_languages=("en", "de")), "language_candidates"),
        (Options(task=Task.TRANSLATE), "translate"),
    ],
)
def test_an_english_model_refuses_by_name(options: Options, field: str) -> None:
    with refusal(Reason.OPTION_UNSUPPORTED) as refused:
        settle(options, ENGLISH)
    assert [violation.field for violation in refused.value.violations] == [field]
    settle(options, MANY)


@pytest.mark.parametrize(
    ("choice", "qualified", "mode"),
    [
        (ModeChoice.QUALIFIED, False, DecodeMode.ACCURATE),
        (ModeChoice.QUALIFIED, True, DecodeMode.FAST),
        (ModeChoice.ACCURATE, True, DecodeMode.ACCURATE),
        (ModeChoice.FAST, True, DecodeMode.FAST),
        (ModeChoice.FAST_UNQUALIFIED, False, DecodeMode.FAST),
    ],
)
def test_fast_needs_a_qualification(choice: ModeChoice, qualified: bool, mode: DecodeMode) -> None:
    assert choose_mode(Options(mode=choice), qualified) is mode


def test_fast_without_a_qualification_is_refused() -> None:
    with refusal(Reason.OPTION_UNSUPPORTED, match="qualification"):
        choose_mode(Options(mode=ModeChoice.FAST), fast_qualified=False)


@pytest.mark.parametrize("choice", [ModeChoice.QUALIFIED, ModeChoice.ACCURATE, ModeChoice.FAST])
def test_only_the_gate_chooses_the_encoder_input(choice: ModeChoice) -> None:
    with refusal(Reason.OPTION_UNSUPPORTED) as refused:
        choose_mode(Options(mode=choice, shortest_input=samples(7.5)), fast_qualified=True)
    assert [violation.field for violation in refused.value.violations] == ["min_encoder_input"]


@pytest.mark.parametrize(("asked", "used"), [(None, 7.5), (15.0, 15.0)])
def test_the_encoder_input_is_the_proven_one_unless_the_gate_asks(asked: float | None, used: float) -> None:
    qualified = replace(record("whisper/base", fast=True), shortest_input=samples(7.5))
    options = Options(shortest_input=samples(asked) if asked else None)
    assert as_qualified(options, qualified).shortest_input == samples(used)


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("<|endoftext|>Names: Ada<|nospeech|>", "Names: Ada"),
        ("<|en<|x|>doftext|>", ""),
        ("line\nbreak\x00\u200b  twice", "line break twice"),
        ("a < b | c > d", "a < b | c > d"),
    ],
)
def test_special_tokens_and_control_characters_vanish(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


def test_prompts_keep_their_end_and_hotwords_are_bounded() -> None:
    assert clean("x" * 2000 + " end").endswith(" end")
    assert len(clean("x" * 2000)) == 1000
    assert clean_hotwords(["Ada", " Ada ", "<|en|>", "", "Bob"]) == ("Ada", "Bob")
    assert len(clean_hotwords(str(i) for i in range(500))) == 100


@pytest.mark.parametrize(
    ("tag", "code"), [("en-US", "en"), ("PT_br", "pt"), ("nb", "no"), ("cmn-Hans", "zh"), ("jv", "jw")]
)
def test_bcp47_tags_become_codes(tag: str, code: str) -> None:
    assert to_whisper(tag) == code


def test_codes_become_tags_again() -> None:
    assert [from_whisper(code) for code in ("jw", "en", "yue")] == ["jv", "en", "yue"]

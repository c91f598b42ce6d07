"""One batch: languages, options that differ inside it, faults that stay alone."""

from __future__ import annotations

import numpy as np
import pytest
from locution_asr.core.decode import decode
from locution_asr.domain.models import Pcm
from locution_asr.domain.ports import Draft, Prompt, Search
from locution_speech.asr import Options, Task
from locution_speech.transcript import DropReason

from tests.unit.asr.fakes import FakeRecogniser, request, sound


def test_options_of_one_batch_do_not_mix() -> None:
    recogniser = FakeRecogniser(speak=lambda pcm, prompt, search: sound(f" {prompt.language} {prompt.task.lower()}"))
    german = Options(language="de", task=Task.TRANSLATE, prompt="Guten Tag", word_times=False)
    first, second = decode([request(recogniser, options=Options(language="fr")), request(recogniser, options=german)])
    assert first.draft is not None
    assert second.draft is not None
    assert (first.draft.text, second.draft.text) == (" fr transcribe", " de translate")
    assert (len(first.words), len(second.words)) == (2, 2)
    assert [prompt.text for prompt in recogniser.prompts] == ["", "Guten Tag"]
    assert recogniser.batches == [2]


def test_the_language_is_detected_only_where_it_is_not_given() -> None:
    recogniser = FakeRecogniser(languages=lambda pcm: {"en": 0.2, "de": 0.8})
    given, detected = decode([request(recogniser, options=Options(language="en")), request(recogniser)])
    assert (given.language, given.language_probability) == ("en", None)
    assert (detected.language, detected.language_probability) == ("de", 0.8)


def test_detection_keeps_to_the_allowed_languages() -> None:
    recogniser = FakeRecogniser(languages=lambda pcm: {"en": 0.7, "de": 0.2, "fr": 0.1})
    [attempt] = decode([request(recogniser, options=Options(allowed_languages=("de", "fr")))])
    assert attempt.language == "de"
    assert attempt.language_probability == pytest.approx(2 / 3)


def test_a_doubtful_window_leans_on_the_first_one() -> None:
    recogniser = FakeRecogniser(languages=lambda pcm: {"en": 0.55, "de": 0.45})
    alone, led = decode([request(recogniser), request(recogniser, prior={"en": 0.1, "de": 0.9})])
    assert (alone.language, led.language) == ("en", "de")


def test_a_clear_window_keeps_its_own_language() -> None:
    recogniser = FakeRecogniser(languages=lambda pcm: {"en": 0.95, "de": 0.05})
    [attempt] = decode([request(recogniser, prior={"en": 0.0, "de": 1.0})])
    assert attempt.language == "en"


def test_an_english_model_has_no_probability_of_language() -> None:
    [attempt] = decode([request(FakeRecogniser(multilingual=False))])
    assert (attempt.language, attempt.language_probability) == ("en", None)


def test_suspects_get_no_words() -> None:
    recogniser = FakeRecogniser(speak=lambda pcm, prompt, search: sound(mean_log_probability=-3.0))
    [attempt] = decode([request(recogniser)])
    assert attempt.reason is DropReason.LOW_PROBABILITY
    assert attempt.words == ()


def test_a_window_that_breaks_the_model_fails_alone() -> None:
    def speak(pcm: Pcm, prompt: Prompt, search: Search) -> Draft:
        if pcm[0] == 13:
            raise RuntimeError("out of luck")
        return sound()

    recogniser = FakeRecogniser(speak=speak)
    poison = request(recogniser, pcm=np.full(16000, 13, np.int16))
    attempts = decode([request(recogniser), poison, request(recogniser)])
    assert [attempt.reason for attempt in attempts] == [None, DropReason.INFERENCE_FAILED, None]

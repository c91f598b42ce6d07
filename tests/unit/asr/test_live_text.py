"""What a live stream shows as confirmed only grows; a final may correct the text of its own span."""

from __future__ import annotations

import numpy as np
import pytest
from locution_asr.core.endpointer import EndpointRule
from locution_speech.asr import DecodeMode, ListenFinal, ListenPartial
from locution_speech.clock import samples

from tests.unit.asr.live_stage import assert_confirmed_text_stays, on_stage, said, silence, speech

SECOND = samples(1.0)
SILENT = EndpointRule().ending(samples(0.8), 0)
RULES = {
    "pause": SILENT,
    "short pause": EndpointRule().ending(samples(0.5), 0),
    "recording": EndpointRule().ending(0, 0),
    "recording, accurate": EndpointRule().in_mode(DecodeMode.ACCURATE).ending(0, 0),
    "cut": EndpointRule().ending(samples(0.8), samples(5.0)),
}
TALK = (
    speech(1, 3), silence(0.6), speech(4, 7), silence(1.0), speech(11, 1), silence(0.4), speech(12, 4), silence(3.0),
    speech(16, 26), silence(9.0),
)  # fmt: skip


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
async def test_confirmed_text_stays(rule: EndpointRule, late: bool) -> None:
    """Hear a talk whose windows are decoded at once, or only a second of audio later."""
    async with on_stage(rule) as stage:
        audio = np.concatenate(TALK)
        for at in range(0, len(audio), SECOND):
            if late:
                stage.recogniser.windows.clear()
            await stage.hear(audio[at : at + SECOND])
            stage.recogniser.windows.set()
            await stage.rest()
    assert_confirmed_text_stays(stage.texts)
    finals = [event.text for event in stage.texts if isinstance(event, ListenFinal)]
    assert " ".join(finals).split() == [f"w{number}" for number in range(1, 42)]
    confirmed = {word.text for event in stage.texts if isinstance(event, ListenPartial) for word in event.confirmed}
    assert len(confirmed) > 30


async def test_a_final_of_the_first_sentence_leaves_the_second_on_the_screen() -> None:
    async with on_stage(SILENT) as stage:
        stage.recogniser.windows.clear()
        await stage.hear(speech(1, 4), silence(1.0), speech(5, 4))
        both = stage.texts[-1]
        assert isinstance(both, ListenPartial)
        assert said(both.confirmed)[:6] == ["w1", "w2", "w3", "w4", "w5", "w6"]
        stage.recogniser.windows.set()
        assert [final.text for final in await stage.finals(1)] == ["w1 w2 w3 w4"]
        await stage.rest()
        final, after = stage.texts[-2:]
        assert isinstance(final, ListenFinal)
        assert isinstance(after, ListenPartial)
        assert said(after.confirmed) == said(both.confirmed)[4:]


async def test_the_last_words_before_a_pause_are_confirmed_by_the_decode_ahead() -> None:
    async with on_stage(SILENT) as stage:
        await stage.hear(speech(1, 4), silence(0.7))
        last = stage.texts[-1]
        assert isinstance(last, ListenPartial)
        assert (said(last.confirmed), last.unstable) == (["w1", "w2", "w3", "w4"], "")


async def test_a_final_is_written_as_its_language_writes() -> None:
    async with on_stage(SILENT, partials=False, language="zh") as stage:
        stage.recogniser.spelling = {"w1": "今", "w2": "天", "w3": " GPU", "w4": "好", "w5": " cold", "w6": "-hearted"}
        await stage.hear(speech(1, 6), silence(1.0))
        final = (await stage.finals(1))[0]
    assert final.text == "今天 GPU好 cold-hearted"
    assert [word.spaced for word in final.words] == [False, False, True, False, True, False]

from __future__ import annotations

import math

from locution_gateway.live.centroids import LEAST, Voices, speakers_of
from locution_gateway.live.models import LiveFinal
from locution_speech.speakers import SpeakerVoice, Turn
from locution_speech.transcript import Word


def voice(degrees: float, local: int = 0, samples: int = 3 * LEAST) -> SpeakerVoice:
    """Return a voice that is as like another as the cosine of the angle between them."""
    angle = math.radians(degrees)
    return SpeakerVoice(local, (math.cos(angle), math.sin(angle)), samples)


def test_a_voice_is_known_again_and_a_strange_one_is_new() -> None:
    voices = Voices()
    assert voices.place([voice(0)]) == {0: 0}
    assert voices.place([voice(90)]) == {0: 1}
    assert voices.place([voice(20), voice(80, local=1)]) == {0: 0, 1: 1}


def test_two_voices_of_a_section_are_two_speakers_though_they_are_alike() -> None:
    voices = Voices()
    voices.place([voice(0)])
    assert voices.place([voice(5), voice(30, local=1)]) == {0: 0, 1: 1}


def test_no_more_speakers_than_there_may_be() -> None:
    voices = Voices(most=1)
    voices.place([voice(0)])
    assert voices.place([voice(90), voice(120, local=1)]) == {0: 0, 1: 0}


def test_a_word_or_two_make_no_new_speaker() -> None:
    voices = Voices()
    voices.place([voice(0), voice(100, local=1)])
    assert voices.place([voice(190, samples=LEAST // 2)]) == {0: 1}


def test_what_was_kept_is_known_again() -> None:
    voices = Voices()
    voices.restore([SpeakerVoice(1, (0.0, 1.0), 3 * LEAST), SpeakerVoice(0, (1.0, 0.0), 3 * LEAST)])
    assert voices.place([voice(85), voice(5, local=1)]) == {0: 1, 1: 0}


def test_words_take_the_speaker_of_their_turn_and_none_is_repeated() -> None:
    words = tuple(Word(at * 100, at * 100 + 90, text) for at, text in enumerate(["Yes.", "No,", "never.", "Why?"]))
    final = LiveFinal(1, 0, 400, "Yes. No, never. Why?", words)
    turns = [Turn(0, 95, "SPEAKER_00"), Turn(95, 300, "SPEAKER_01"), Turn(300, 400, "SPEAKER_00")]
    assert speakers_of(final, turns) == ("SPEAKER_00", "SPEAKER_01", "SPEAKER_01", "SPEAKER_00")
    assert speakers_of(final, []) == ()

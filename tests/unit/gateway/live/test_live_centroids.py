from __future__ import annotations

import math

from locution_gateway.live.centroids import LEAST, Centroids, speakers_of
from locution_gateway.live.models import LiveFinal
from locution_speech.speakers import SpeakerCentroid, Turn
from locution_speech.transcript import Word


def centroid(degrees: float, local: int = 0, samples: int = 3 * LEAST) -> SpeakerCentroid:
    """Return a centroid that is as like another as the cosine of the angle between them."""
    angle = math.radians(degrees)
    return SpeakerCentroid(local, (math.cos(angle), math.sin(angle)), samples)


def test_a_speaker_is_known_again_and_a_strange_one_is_new() -> None:
    centroids = Centroids()
    assert centroids.place([centroid(0)]) == {0: 0}
    assert centroids.place([centroid(90)]) == {0: 1}
    assert centroids.place([centroid(20), centroid(80, local=1)]) == {0: 0, 1: 1}


def test_two_centroids_of_a_section_are_two_speakers_though_they_are_alike() -> None:
    centroids = Centroids()
    centroids.place([centroid(0)])
    assert centroids.place([centroid(5), centroid(30, local=1)]) == {0: 0, 1: 1}


def test_no_more_speakers_than_there_may_be() -> None:
    centroids = Centroids(most=1)
    centroids.place([centroid(0)])
    assert centroids.place([centroid(90), centroid(120, local=1)]) == {0: 0, 1: 0}


def test_a_word_or_two_make_no_new_speaker() -> None:
    centroids = Centroids()
    centroids.place([centroid(0), centroid(100, local=1)])
    assert centroids.place([centroid(190, samples=LEAST // 2)]) == {0: 1}


def test_what_was_kept_is_known_again() -> None:
    centroids = Centroids()
    centroids.restore([SpeakerCentroid(1, (0.0, 1.0), 3 * LEAST), SpeakerCentroid(0, (1.0, 0.0), 3 * LEAST)])
    assert centroids.place([centroid(85), centroid(5, local=1)]) == {0: 1, 1: 0}


def test_words_take_the_speaker_of_their_turn_and_none_is_repeated() -> None:
    words = tuple(Word(at * 100, at * 100 + 90, text) for at, text in enumerate(["Yes.", "No,", "never.", "Why?"]))
    final = LiveFinal(1, 0, 400, "Yes. No, never. Why?", words)
    turns = [Turn(0, 95, "SPEAKER_00"), Turn(95, 300, "SPEAKER_01"), Turn(300, 400, "SPEAKER_00")]
    assert speakers_of(final, turns) == ("SPEAKER_00", "SPEAKER_01", "SPEAKER_01", "SPEAKER_00")
    assert speakers_of(final, []) == ()

"""Speakers are recognised one to one, by the nearest voices, and by none that is too far."""

from __future__ import annotations

import math
from uuid import UUID

from locution_gateway.pipeline.match_voices import LEAST_HEARD, THRESHOLD, match, recognise
from locution_gateway.platform.ids import VoiceId
from locution_gateway.voices.clusterings import Clustering, dump_clustering, load_clustering
from locution_gateway.voices.models import Embedding, KnownVoice
from locution_speech.speakers import Turn


def at(degrees: float, length: float = 1.0) -> Embedding:
    return (length * math.cos(math.radians(degrees)), length * math.sin(math.radians(degrees)))


def voice(number: int, degrees: float) -> KnownVoice:
    return KnownVoice(VoiceId(UUID(int=number)), f"voice {number}", at(degrees, 3.0))


def names(found: dict[int, KnownVoice]) -> dict[int, str]:
    return {speaker: known.display_name for speaker, known in found.items()}


def test_nobody_is_like_nobody() -> None:
    assert match([], [voice(1, 0)]) == match([at(0)], []) == {}


def test_each_speaker_has_the_nearest_voice() -> None:
    assert names(match([at(0), at(90)], [voice(1, 80), voice(2, 10)])) == {0: "voice 2", 1: "voice 1"}


def test_a_voice_names_one_speaker_though_two_are_near() -> None:
    assert names(match([at(20), at(5)], [voice(1, 0)])) == {1: "voice 1"}


def test_the_most_alike_have_the_voice_where_two_want_it() -> None:
    """The second speaker is near to voice 1 alone, but the first is nearer."""
    assert names(match([at(20), at(-35)], [voice(1, 10), voice(2, 40)])) == {0: "voice 1"}


def test_a_stranger_has_no_name() -> None:
    limit = math.degrees(math.acos(THRESHOLD))
    assert match([at(limit + 1)], [voice(1, 0)]) == {}
    assert names(match([at(limit - 1)], [voice(1, 0)])) == {0: "voice 1"}


def test_voices_that_cannot_be_compared_match_nobody() -> None:
    assert match([(), (0.0, 0.0), (1.0, 0.0, 0.0)], [voice(1, 0)]) == {}


def test_a_speaker_of_a_moment_is_not_named() -> None:
    spans = (
        (Turn(0, LEAST_HEARD - 1, 0), Turn(0, LEAST_HEARD // 2, 1)),
        (Turn(0, LEAST_HEARD, 1),),
    )
    found = recognise(Clustering(spans, (at(0), at(90))), [voice(1, 0), voice(2, 90)])
    assert names(found) == {1: "voice 2"}


def test_a_clustering_is_kept_with_its_centroids() -> None:
    kept = Clustering(((Turn(1, 2, 0),), ()), ((0.25, -0.5), ()))
    assert load_clustering(dump_clustering(kept)) == kept

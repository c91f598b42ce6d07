from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from locution_common.errors import Reason
from locution_diarizer.core.assign import assign
from locution_diarizer.core.choose import fit, spread
from locution_diarizer.core.cluster import ClusterSections
from locution_diarizer.core.section_state import pack, unpack
from locution_diarizer.domain.models import NOBODY, Grid, SectionWindows
from locution_speech.speakers import SpeakerHints

from tests.support.refusals import refusal
from tests.unit.diarizer.sections import GRID, VALUES, OneHotModel, embedding, section

FRAME = 2 * GRID.frame_step


def test_turns_are_those_of_the_speakers_with_overlap() -> None:
    found = ClusterSections(OneHotModel(), limit=100).join(
        [pack(section(9, [(5, 2, 12), (3, 10, 20), (5, 24, 28)]))], SpeakerHints()
    )
    expected = [(2, 12, 0), (10, 20, 1), (24, 28, 0)]
    assert len(found.sections[0]) == len(expected)
    for turn, (start, end, speaker) in zip(found.sections[0], expected, strict=True):
        assert turn.speaker == speaker
        assert abs(turn.start - start * 16_000) <= FRAME
        assert abs(turn.end - end * 16_000) <= FRAME
    assert [round(v.samples / 16_000) for v in found.centroids] == [14, 10]
    np.testing.assert_allclose(found.centroids[0].embedding, embedding(5), atol=0.05)


def test_speakers_are_the_same_in_all_sections() -> None:
    parts = [section(5, [(7, 1, 9)]), section(5, [(2, 1, 9)], seed=1), section(5, [(7, 3, 9), (2, 11, 15)], seed=2)]
    found = ClusterSections(OneHotModel(), limit=100).join([pack(part) for part in parts], SpeakerHints())
    assert [[turn.speaker for turn in turns] for turns in found.sections] == [[0], [1], [0, 1]]


def test_short_silences_are_bridged_where_the_pipeline_says_so() -> None:
    model = OneHotModel()
    model.min_silence = 16_000
    state = pack(section(9, [(1, 2, 5), (1, 5.5, 9), (1, 12, 14)]))
    assert len(ClusterSections(model, limit=100).join([state], SpeakerHints()).sections[0]) == 2
    assert len(ClusterSections(OneHotModel(), limit=100).join([state], SpeakerHints()).sections[0]) == 3


def test_no_more_embeddings_meet_than_the_limit_and_the_share_is_told() -> None:
    model = OneHotModel()
    states = [pack(section(200, [(1, 0, 300), (2, 300, 510)]))] * 3
    hints = SpeakerHints(exact=2)
    ClusterSections(model, limit=120).join(states, hints)
    count, share, asked = model.asked[0]
    assert count == 120
    assert share == pytest.approx(120 / sum(fit(unpack(s, GRID)).clean.sum() for s in states))
    assert asked == hints


def test_who_never_speaks_alone_is_chosen_only_where_nobody_else_is() -> None:
    together = section(3, [(1, 0, 15), (2, 0, 15)])
    assert not fit(together).clean.any()
    assert len(spread([fit(together)], limit=10).embeddings) == 6
    alone = section(3, [(3, 0, 15)])
    chosen = spread([fit(together), fit(alone)], limit=10).embeddings
    assert set(chosen.argmax(axis=1)) == {3}


@pytest.mark.parametrize(("seconds", "clean"), [(10.0, [True, False]), (6.0, [True, False]), (5.0, [True, True])])
def test_clean_speech_is_a_share_of_the_audio_and_not_of_the_silence_behind_it(
    seconds: float, clean: list[bool]
) -> None:
    part = replace(section(1, [(1, 0, 4), (2, 4, 5.1)]), sample_count=round(seconds * 16_000))
    found = fit(part)
    assert dict(zip(found.embeddings.argmax(axis=1), found.clean, strict=True)) == {1: clean[0], 2: clean[1]}


def test_a_state_that_lies_about_its_length_breaks_nothing() -> None:
    part = replace(section(3, [(1, 0, 15)]), sample_count=0)
    assert fit(part).clean.all()


def test_nobody_gives_nothing() -> None:
    silent = section(4, [])
    found = ClusterSections(OneHotModel(), limit=10).join([pack(silent)], SpeakerHints())
    assert found.sections == [[]]
    assert not found.centroids


def test_exclusive_assignment_keeps_the_speakers_of_a_window_apart() -> None:
    part = section(1, [(1, 0, 10), (2, 0, 10)])
    one_like_the_other = np.stack([embedding(1) + embedding(2), embedding(9)])
    shared = assign(part, one_like_the_other, exclusive=False).labels[0]
    apart = assign(part, one_like_the_other, exclusive=True).labels[0]
    assert sorted(shared) == [NOBODY, 0, 0]
    assert sorted(apart) == [NOBODY, 0, 1]


def test_a_section_survives_packing() -> None:
    before = section(20, [(1, 0, 30), (2, 20, 50)])
    after = unpack(pack(before), GRID)
    np.testing.assert_array_equal(before.activity, after.activity)
    np.testing.assert_array_equal(before.embeddings, after.embeddings)
    assert after.sample_count == before.sample_count
    assert len(pack(before)) < 20 * 300


def test_a_packed_section_of_ten_minutes_fits_its_message() -> None:
    rng = np.random.default_rng(0)
    activity = rng.random((240, GRID.frames, 3)) < 0.5
    noisy = SectionWindows(1, GRID, activity, rng.normal(size=(240, 3, 512)).astype(np.float16))
    assert len(pack(noisy)) < 3 * 2**20


def test_damaged_and_foreign_states_are_refused() -> None:
    state = pack(section(4, [(1, 0, 10)]))
    foreign = Grid(GRID.size, GRID.step * 2, GRID.frames, GRID.frame_step, GRID.frame_centre)
    with refusal(Reason.INVALID_REQUEST):
        unpack(state, foreign)
    rng = np.random.default_rng(0)
    for cut in (*range(0, 60, 7), *rng.integers(60, len(state), 20)):
        with refusal(Reason.INVALID_REQUEST):
            unpack(state[:cut], GRID)


def test_a_state_cannot_inflate_beyond_what_it_declares() -> None:
    import zlib

    state = bytearray(pack(section(1, [(1, 0, 10)])))
    bomb = zlib.compress(bytes(50_000_000))
    state[24:28] = len(bomb).to_bytes(4, "little")
    header_and_told = bytes(state[:61])
    with refusal(Reason.INVALID_REQUEST):
        unpack(header_and_told + bomb, GRID)


def test_values_are_as_expected_of_the_fixture() -> None:
    assert section(2, [(0, 0, 5)]).embeddings.shape == (2, 3, VALUES)

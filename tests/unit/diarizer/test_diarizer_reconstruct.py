"""Our reconstruction against pyannote's own, on random windows."""

from __future__ import annotations

import numpy as np
import pytest
from locution_diarizer.adapters import pyannote_parts as parts
from locution_diarizer.core import reconstruct
from locution_diarizer.domain.models import NOBODY, Assignment, SectionWindows

from tests.unit.diarizer.sections import GRID


def random_section(windows: int, seed: int) -> tuple[SectionWindows, Assignment]:
    rng = np.random.default_rng(seed)
    blocks = rng.random((windows, GRID.frames // 31, 3)) < 0.4
    activity = np.repeat(blocks, 31, axis=1)[:, : GRID.frames]
    labels = np.array([rng.permutation(4)[:3] for _ in range(windows)])
    labels[~activity.any(axis=1)] = NOBODY
    embeddings = np.zeros((windows, 3, 2), np.float16)
    section = SectionWindows((windows - 1) * GRID.step + GRID.size, GRID, activity, embeddings)
    return section, Assignment(labels, rng.random(labels.shape).astype(np.float32))


@pytest.mark.parametrize("windows", [1, 2, 9, 40])
def test_the_count_of_speakers_is_pyannotes(windows: int) -> None:
    section, _ = random_section(windows, windows)
    field = parts.SlidingWindow(start=0, duration=991 / 16000, step=270 / 16000)
    scores = parts.SlidingWindowFeature(
        section.activity.astype(np.float32), parts.SlidingWindow(start=0, duration=10.0, step=2.5)
    )
    theirs = parts.SpeakerDiarizationMixin.speaker_count(scores, field, warm_up=(0.0, 0.0)).data[:, 0]
    ours = reconstruct._speaker_count(section)
    np.testing.assert_array_equal(ours, theirs[: len(ours)])


@pytest.mark.parametrize("windows", [1, 2, 9, 40])
def test_the_support_of_speakers_is_pyannotes(windows: int) -> None:
    section, assignment = random_section(windows, windows)
    clustered = np.full((windows, GRID.frames, 4), np.nan)
    for window, labels in enumerate(assignment.labels):
        for speaker in np.unique(labels[labels != NOBODY]):
            clustered[window, :, speaker] = section.activity[window][:, labels == speaker].max(axis=1)
    field = parts.SlidingWindow(start=0, duration=991 / 16000, step=270 / 16000)
    theirs = parts.Inference.aggregate(
        parts.SlidingWindowFeature(clustered, parts.SlidingWindow(start=0, duration=10.0, step=2.5)),
        field, missing=0.0, skip_average=True,
    ).data  # fmt: skip
    ours = reconstruct._support(section, assignment)
    np.testing.assert_allclose(ours, theirs[: len(ours), : ours.shape[1]], atol=0.02)


def test_turns_lie_in_the_section_and_have_length() -> None:
    section, assignment = random_section(12, 5)
    turns = reconstruct.turns(section, assignment)
    assert turns == sorted(turns)
    assert all(0 <= turn.start < turn.end <= section.sample_count for turn in turns)


def test_a_tie_falls_to_the_speaker_that_is_more_alike() -> None:
    activity = np.zeros((2, GRID.frames, 1), np.bool_)
    activity[:, 200:300] = True
    activity[0] = np.roll(activity[0], 148, axis=0)
    section = SectionWindows(200_000, GRID, activity, np.zeros((2, 1, 2), np.float16))
    for likeness, winner in (([[0.9], [0.5]], 0), ([[0.5], [0.9]], 1)):
        assignment = Assignment(np.array([[0], [1]]), np.array(likeness, np.float32))
        assert {turn.speaker for turn in reconstruct.turns(section, assignment)} == {winner}

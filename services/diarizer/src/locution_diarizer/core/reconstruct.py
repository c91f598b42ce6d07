"""Convert clustered windows to speaker turns on the section's time line.

It follows pyannote.audio (`SpeakerDiarization`: `speaker_count`, `reconstruct`, `to_diarization`): where windows
overlap, the number of active speakers is the rounded mean over the windows, and the speakers that most windows contain
fill it. If two speakers tie, pyannote leaves the choice to its sort; here the speaker wins whose centroid is closer to
the windows' speakers.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from locution_speech.speakers import Turn

from locution_diarizer.domain.models import NOBODY, Assignment, SectionWindows

TIE_BREAK = 1e-3


def turns(section: SectionWindows, assignment: Assignment) -> list[Turn[int]]:
    """Return the turns of a section in order, with overlaps."""
    if assignment.labels.max(initial=NOBODY) == NOBODY:
        return []
    return sorted(_runs(section, _loudest(_support(section, assignment), _speaker_count(section))))


def _speaker_count(section: SectionWindows) -> npt.NDArray[np.int64]:
    per_window = section.activity.sum(axis=2, dtype=np.float32)
    total = np.zeros(section.grid.section_frames(len(per_window)), dtype=np.float32)
    windows = np.zeros_like(total)
    for index, count in enumerate(per_window):
        span = _span(section, index)
        total[span] += count
        windows[span] += 1
    return np.rint(total / np.maximum(windows, 1)).astype(np.int64)


def _support(section: SectionWindows, assignment: Assignment) -> npt.NDArray[np.float32]:
    shape = (section.grid.section_frames(len(assignment.labels)), int(assignment.labels.max()) + 1)
    support = np.zeros(shape, dtype=np.float32)
    for index, labels in enumerate(assignment.labels):
        weight = 1 + TIE_BREAK * assignment.likeness[index]
        for speaker in np.unique(labels[labels != NOBODY]):
            heard = section.activity[index] * weight * (labels == speaker)
            support[_span(section, index), speaker] += heard.max(axis=1)
    return support


def _span(section: SectionWindows, window: int) -> slice:
    first = section.grid.first_frame(window)
    return slice(first, first + section.grid.frames)


def _loudest(support: npt.NDArray[np.float32], count: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    order = np.argsort(-support, axis=1, kind="stable")
    rank = np.argsort(order, axis=1, kind="stable")
    return (rank < count[:, None]) & (support > 0)


def _runs(section: SectionWindows, active: npt.NDArray[np.bool_]) -> list[Turn[int]]:
    edges = np.diff(active.astype(np.int8), axis=0, prepend=0, append=0)
    found = []
    for speaker in range(active.shape[1]):
        begins, ends = np.flatnonzero(edges[:, speaker] == 1), np.flatnonzero(edges[:, speaker] == -1)
        for begin, end in zip(begins, ends, strict=True):
            start, stop = _sample(section, int(begin)), _sample(section, int(end))
            if stop > start:
                found.append(Turn(start, stop, speaker))
    return found


def _sample(section: SectionWindows, frame: int) -> int:
    if frame == 0:
        return 0
    return min(frame * section.grid.frame_step + section.grid.frame_centre, section.sample_count)

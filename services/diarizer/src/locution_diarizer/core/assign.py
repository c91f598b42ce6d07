"""Assign a speaker of the recording to each local speaker of a section."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from locution_diarizer.domain.models import NOBODY, Assignment, Labels, SectionWindows, Vector


def assign(section: SectionWindows, centroids: Vector, *, exclusive: bool) -> Assignment:
    """Return the nearest of centroids (speakers, values) by cosine, or NOBODY for silent and unclear speakers.

    With `exclusive`, two local speakers of one window are different speakers while there are enough centroids.
    """
    near = _similarity(section, centroids)
    told: npt.NDArray[np.bool_] = ~np.isnan(near).any(axis=2) & np.asarray(section.activity.any(axis=1))
    labels = np.full(told.shape, NOBODY, dtype=np.intp)
    if exclusive:
        _assign_apart(near, told, labels)
    else:
        labels[told] = near[told].argmax(axis=1)
    likeness = np.take_along_axis(near, np.maximum(labels, 0)[..., None], axis=2)[..., 0]
    return Assignment(labels, np.where(labels == NOBODY, np.float32(0), likeness))


def _assign_apart(near: Vector, told: npt.NDArray[np.bool_], labels: Labels) -> None:
    for window, speakers in enumerate(told):
        present = np.flatnonzero(speakers)
        rows, nearest = linear_sum_assignment(near[window, present], maximize=True)
        labels[window, present[rows]] = nearest


def _similarity(section: SectionWindows, centroids: Vector) -> Vector:
    embeddings = section.embeddings.astype(np.float32)
    similar: Vector = unit(embeddings) @ unit(centroids).T
    return similar


def unit(vectors: Vector) -> Vector:
    """Scale vectors (..., values) to unit length; zero stays zero."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: Vector = vectors / np.maximum(length, np.finfo(np.float32).tiny)
    return unit

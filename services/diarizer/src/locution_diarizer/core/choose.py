"""Choose the embeddings that enter clustering, so that its memory is bounded for any length of recording."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from locution_diarizer.domain.models import Embeddings, SectionWindows, Vector

MIN_CLEAN_RATIO = 0.2
LEAST_FILLED = 0.1


@dataclass(frozen=True, slots=True)
class Fit:
    """The embeddings (count, values) of a section's local speakers, and which of them are clean."""

    embeddings: Embeddings
    clean: npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Chosen:
    """The chosen embeddings (count, values) and their share of all usable embeddings, 0 to 1."""

    embeddings: Vector
    share: float


def fit(section: SectionWindows) -> Fit:
    """Return a section's embeddings; clean ones have a fifth of their window's audio without overlap.

    pyannote counts the silence that fills up a short window too. So in five seconds it wants two of each speaker, and
    takes two people for one.
    """
    told = ~np.isnan(section.embeddings).any(axis=2)
    return Fit(section.embeddings[told], (_clean_ratio(section) >= MIN_CLEAN_RATIO)[told])


def spread(sections: Sequence[Fit], *, limit: int) -> Chosen:
    """Choose clean embeddings, or all if none is clean; beyond `limit`, at equal distances in time."""
    filled = [section for section in sections if len(section.embeddings)]
    if not filled:
        return Chosen(np.zeros((0, 1), dtype=np.float32), 1.0)
    some_clean = any(section.clean.any() for section in filled)
    embeddings = np.concatenate([s.embeddings[s.clean] if some_clean else s.embeddings for s in filled])
    total = len(embeddings)
    if total > limit:
        embeddings = embeddings[np.linspace(0, total - 1, limit).round().astype(np.intp)]
    return Chosen(embeddings.astype(np.float32), len(embeddings) / total)


def _clean_ratio(section: SectionWindows) -> npt.NDArray[np.float64]:
    alone = section.activity.sum(axis=2, keepdims=True, dtype=np.uint8) == 1
    ratio: npt.NDArray[np.float64] = (section.activity & alone).mean(axis=1) / _filled(section)[:, None]
    return ratio


def _filled(section: SectionWindows) -> npt.NDArray[np.float64]:
    """Return the share of each window that is audio; the rest of a last window is silence."""
    starts = np.arange(len(section.activity)) * section.grid.step
    filled: npt.NDArray[np.float64] = np.clip((section.sample_count - starts) / section.grid.size, LEAST_FILLED, 1.0)
    return filled

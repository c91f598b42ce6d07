"""Cluster embeddings into speakers with pyannote.audio's own clusterings."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
from locution_speech.speakers import SpeakerHints

from locution_diarizer.adapters import pyannote_parts as parts
from locution_diarizer.domain.models import Vector

_log = logging.getLogger(__name__)


def _log_instead_of_print(*message: object) -> None:
    _log.debug("%s", " ".join(map(str, message)))


for _module in (parts.clustering, parts.vbx):
    vars(_module)["print"] = _log_instead_of_print


class AgglomerativeCentroids:
    """Cluster agglomeratively; `density` scales `min_cluster_size`: our embeddings per configured one."""

    def __init__(self, parameters: Mapping[str, Any], *, density: float) -> None:
        self._parameters = dict(parameters)
        self._density = density
        self.exclusive = False

    def centroids(self, embeddings: Vector, share: float, hints: SpeakerHints) -> Vector:
        """Return one centroid per speaker (speakers, values) for embeddings that are this share of all."""
        size = max(1, round(self._parameters["min_cluster_size"] * self._density * share))
        found = self._cluster(embeddings, size, hints)
        if size > 1 and _misses(len(found), hints):
            found = self._cluster(embeddings, 1, hints)
        return found

    def _cluster(self, embeddings: Vector, size: int, hints: SpeakerHints) -> Vector:
        clustering = parts.AgglomerativeClustering(metric="cosine")
        clustering.instantiate({**self._parameters, "min_cluster_size": size})
        return _centroids(clustering, embeddings, hints)


class VbxCentroids:
    """Cluster as community-1 does: agglomeratively, then by variational Bayes on PLDA (Landini et al., 2022)."""

    def __init__(self, parameters: Mapping[str, Any], plda: Any) -> None:
        self._clustering = parts.VBxClustering(plda, metric="cosine")
        self._clustering.instantiate(dict(parameters))
        self.exclusive = True

    def centroids(self, embeddings: Vector, share: float, hints: SpeakerHints) -> Vector:
        """Return one centroid per speaker (speakers, values)."""
        return _centroids(self._clustering, embeddings, hints)


def _centroids(clustering: Any, embeddings: Vector, hints: SpeakerHints) -> Vector:
    least, most = _bounds(hints, len(embeddings))
    everything = parts.SlidingWindowFeature(
        np.ones((len(embeddings), 1, 1)), parts.SlidingWindow(duration=1.0, step=1.0)
    )
    *_, centroids = clustering(
        embeddings=embeddings[:, None].astype(np.float64),
        segmentations=everything,
        num_clusters=least if least == most else None,
        min_clusters=least,
        max_clusters=most,
    )
    found: Vector = centroids.astype(np.float32)
    return found


def _bounds(hints: SpeakerHints, embeddings: int) -> tuple[int, int]:
    """Return the least and greatest number of speakers, at most the number of embeddings."""
    least = hints.exact or hints.minimum or 1
    most = hints.exact or hints.maximum or embeddings
    return min(least, embeddings), min(max(least, most), embeddings)


def _misses(found: int, hints: SpeakerHints) -> bool:
    least, most = hints.exact or hints.minimum or 1, hints.exact or hints.maximum or found
    return not least <= found <= most

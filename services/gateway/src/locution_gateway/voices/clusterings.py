"""Clusterings as bytes, the result of a CLUSTER stage."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Final

from locution_speech.speakers import Turn

DIGITS: Final = 6


def dump_clustering(clustering: Clustering) -> bytes:
    """Return zlib-compressed JSON: for each section a list of [start, end, speaker], for each speaker a centroid."""
    spans = [[[span.start, span.end, span.speaker] for span in section] for section in clustering.spans]
    centroids = [[round(value, DIGITS) for value in centroid] for centroid in clustering.centroids]
    return zlib.compress(json.dumps({"spans": spans, "centroids": centroids}, separators=(",", ":")).encode())


def load_clustering(body: bytes) -> Clustering:
    """Read a clustering; one stored by a release without centroids has none."""
    kept = json.loads(zlib.decompress(body))
    spans, centroids = (kept, []) if isinstance(kept, list) else (kept["spans"], kept["centroids"])
    return Clustering(
        tuple(tuple(Turn(*span) for span in section) for section in spans),
        tuple(tuple(centroid) for centroid in centroids),
    )


@dataclass(frozen=True, slots=True)
class Clustering:
    """Who speaks when in each section, and the centroid of each speaker of the recording by number.

    A centroid has unit length and is comparable only with those of the same model. Clusterings of releases that stored
    no centroids have none.
    """

    spans: tuple[tuple[Turn[int], ...], ...]
    centroids: tuple[tuple[float, ...], ...] = ()

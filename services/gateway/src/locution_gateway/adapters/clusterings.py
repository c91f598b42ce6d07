"""Clusterings as bytes, the result of a CLUSTER stage."""

from __future__ import annotations

import json
import zlib
from typing import Final

from locution_speech.speakers import Turn

from locution_gateway.domain.stages import Clustering

DIGITS: Final = 6


def dump_clustering(clustering: Clustering) -> bytes:
    """Return zlib-compressed JSON: for each section a list of [start, end, speaker], for each speaker a voice."""
    spans = [[[span.start, span.end, span.speaker] for span in section] for section in clustering.spans]
    voices = [[round(value, DIGITS) for value in voice] for voice in clustering.voices]
    return zlib.compress(json.dumps({"spans": spans, "voices": voices}, separators=(",", ":")).encode())


def load_clustering(body: bytes) -> Clustering:
    """Read a clustering back; one that was kept before voices were has none."""
    kept = json.loads(zlib.decompress(body))
    spans, voices = (kept, []) if isinstance(kept, list) else (kept["spans"], kept["voices"])
    return Clustering(
        tuple(tuple(Turn(*span) for span in section) for section in spans),
        tuple(tuple(voice) for voice in voices),
    )

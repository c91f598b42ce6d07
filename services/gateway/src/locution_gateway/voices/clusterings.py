"""Clusterings as bytes, the result of a CLUSTER stage."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Final

from locution_speech.speakers import Turn

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


@dataclass(frozen=True, slots=True)
class Clustering:
    """Who speaks when in each section, and the voice of each speaker of the recording by its number.

    A voice has unit length and compares with those of the same model alone; none are known of what was clustered by
    releases that kept none.
    """

    spans: tuple[tuple[Turn[int], ...], ...]
    voices: tuple[tuple[float, ...], ...] = ()

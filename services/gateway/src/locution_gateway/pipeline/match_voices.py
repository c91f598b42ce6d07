"""Identify speakers by their voices: one to one, if they are close enough."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Final

from locution_speech.clock import SAMPLE_RATE

from locution_gateway.voices.clusterings import Clustering
from locution_gateway.voices.models import Embedding, KnownVoice
from locution_gateway.voices.pair import pair

THRESHOLD: Final = 0.6
"""Least cosine similarity of a speaker and a voice; docs/guides/speakers.md has the measurements."""
LEAST_HEARD: Final = 2 * SAMPLE_RATE
"""Samples that a speaker must speak to be identified: shorter ones are mistaken too often."""


def recognise(clustering: Clustering, voices: Sequence[KnownVoice]) -> dict[int, KnownVoice]:
    """Return the voice of each identified speaker of a recording who is heard long enough."""
    heard: Counter[int] = Counter()
    for span in (span for section in clustering.spans for span in section):
        heard[span.speaker] += span.end - span.start
    clear = [centroid if heard[speaker] >= LEAST_HEARD else () for speaker, centroid in enumerate(clustering.centroids)]
    return match(clear, voices)


def match(speakers: Sequence[Embedding], voices: Sequence[KnownVoice]) -> dict[int, KnownVoice]:
    """Return the voice of each identified speaker by number: the best match first, no voice twice."""
    likeness = (
        (_cosine(speaker, voice.embedding), row, column)
        for row, speaker in enumerate(speakers)
        for column, voice in enumerate(voices)
    )
    return {row: voices[column] for row, column in pair(likeness, THRESHOLD)}


def _cosine(one: Embedding, other: Embedding) -> float:
    """Return the cosine similarity of two voices, or -1 if one is missing."""
    lengths = math.hypot(*one) * math.hypot(*other)
    if len(one) != len(other) or not lengths:
        return -1.0
    return sum(a * b for a, b in zip(one, other, strict=True)) / lengths

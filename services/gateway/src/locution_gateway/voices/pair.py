"""Pair items one to one, the best match first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def pair(likeness: Iterable[tuple[float, int, int]], least: float) -> Iterator[tuple[int, int]]:
    """Yield pairs of a voice and another from (similarity, voice, other): at least `least` similar, each used once."""
    voices, others = set[int](), set[int]()
    for alike, voice, other in sorted(likeness, key=lambda found: (-found[0], *found[1:])):
        if alike >= least and voice not in voices and other not in others:
            voices.add(voice)
            others.add(other)
            yield voice, other

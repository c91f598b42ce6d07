"""Time in all services: samples at one rate, from the start of a section or a recording."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Self

SAMPLE_RATE: Final = 16_000
"""Samples per second of all audio inside Locution."""

SAMPLE_WIDTH: Final = 2
"""Bytes per sample: signed 16-bit, little-endian."""


def samples(seconds: float) -> int:
    """Return the number of samples in `seconds`, rounded to the nearest."""
    return round(seconds * SAMPLE_RATE)


def seconds(samples: int) -> float:
    """Return the length of `samples` in seconds."""
    return samples / SAMPLE_RATE


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """The samples from `start` up to, but not including, `end`. Raises ValueError for an invalid span."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"invalid span: {self.start} to {self.end}")

    @property
    def length(self) -> int:
        """Return the number of samples."""
        return self.end - self.start

    def clamp(self, sample: int) -> int:
        """Return the sample of this span that is nearest to `sample`; `end` counts as inside."""
        return min(max(sample, self.start), self.end)

    def overlaps(self, other: Span) -> bool:
        """Tell whether the two spans share at least one sample."""
        return self.start < other.end and other.start < self.end

    def moved(self, by: int) -> Self:
        """Return the span shifted by `by` samples."""
        return replace(self, start=self.start + by, end=self.end + by)

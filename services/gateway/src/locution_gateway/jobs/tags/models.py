"""Tags of jobs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag and its number of jobs."""

    tag: str
    jobs: int

"""Tags of jobs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag and how many jobs have it."""

    tag: str
    jobs: int

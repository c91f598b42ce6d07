"""Tags of jobs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from locution_gateway.platform.principal import Principal


@dataclass(frozen=True, slots=True)
class TagCount:
    """A tag and how many jobs have it."""

    tag: str
    jobs: int


class TagStore(Protocol):
    """Tags of a tenant's jobs."""

    async def list(self, principal: Principal, after: str, limit: int) -> Sequence[TagCount]:
        """Return up to `limit` tags behind one, by name."""

    async def count(self, principal: Principal, tag: str) -> int:
        """Return how many jobs have a tag."""

    async def replace(self, principal: Principal, tag: str, new: str | None, limit: int) -> int:
        """Rename or drop a tag on up to `limit` jobs in one transaction, and return on how many."""

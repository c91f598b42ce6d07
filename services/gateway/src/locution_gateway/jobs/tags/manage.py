"""List, rename and delete tags."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.jobs.tags.models import TagCount
from locution_gateway.jobs.tags.postgres import PostgresTags
from locution_gateway.platform.authorise import require
from locution_gateway.platform.listing import Position
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, Role

BATCH: Final = 500
_NO_ID: Final = UUID(int=0)


@dataclass(frozen=True, slots=True)
class TagPage:
    """A page of tags."""

    tags: tuple[TagCount, ...]
    next_token: str


class ManageTags:
    """Manages a tenant's tags, one batch of jobs per transaction."""

    def __init__(self, tags: PostgresTags) -> None:
        self._tags = tags

    async def list(self, principal: Principal, size: int, token: str) -> TagPage:
        """Read a page, ordered by name. Refuses with PAGE_TOKEN_INVALID."""
        binding = Binding(principal, "tags")
        after = binding.position(token)
        limit = page_size(size)
        found = tuple(await self._tags.list(principal, "" if after is None else after.key, limit + 1))
        last = Position(found[limit - 1].tag, _NO_ID) if len(found) > limit else None
        return TagPage(found[:limit], binding.token(last))

    async def rename(self, principal: Principal, tag: str, new: str) -> tuple[TagCount, int]:
        """Rename a tag; return it with its count of jobs, and the number changed. Refuses with TAG_NOT_FOUND."""
        require(principal, Role.MEMBER)
        changed = 0 if new == tag else await self._replace(principal, tag, new)
        jobs = await self._tags.count(principal, new)
        if not changed and not (new == tag and jobs):
            raise Refused(Reason.TAG_NOT_FOUND)
        return TagCount(new, jobs), changed

    async def delete(self, principal: Principal, tag: str) -> int:
        """Remove a tag from every job and return their number. Refuses with TAG_NOT_FOUND."""
        require(principal, Role.MEMBER)
        changed = await self._replace(principal, tag, None)
        if not changed:
            raise Refused(Reason.TAG_NOT_FOUND)
        return changed

    async def _replace(self, principal: Principal, tag: str, new: str | None) -> int:
        total = 0
        while changed := await self._tags.replace(principal, tag, new, BATCH):
            total += changed
        return total

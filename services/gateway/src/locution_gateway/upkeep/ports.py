"""What the api needs of the world."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.principal import TenantId


@dataclass(frozen=True, slots=True)
class Deletion:
    """Something to remove from the object store; `multipart_id` names a multipart upload to abort."""

    deletion_id: int
    key: str
    multipart_id: str | None


class Upkeep(Protocol):
    """Finds what is due, of all tenants. Several processes may look at once."""

    async def expired_uploads(self, limit: int) -> Sequence[tuple[TenantId, UploadId]]:
        """Return uploads whose time is over."""

    async def unverified_uploads(self, limit: int) -> Sequence[tuple[TenantId, UploadId]]:
        """Return sealed uploads that nobody verifies."""

    async def expired_jobs(self, limit: int) -> Sequence[tuple[TenantId, JobId]]:
        """Return jobs whose retention is over."""

    async def claim_deletions(self, limit: int, pause: timedelta) -> Sequence[Deletion]:
        """Take deletions that are due; one that is not finished comes again after `pause`."""

    async def finish_deletions(self, ids: Sequence[int]) -> None:
        """Forget deletions that were done."""

    async def kept_objects(self, folder: str) -> Sequence[str]:
        """Return the keys below a folder that objects have."""

    async def forget_requests(self, age: timedelta, limit: int) -> None:
        """Forget request ids that are older."""

    async def abandoned_multiparts(self, ids: Sequence[str]) -> Sequence[str]:
        """Return those multipart uploads that belong to no open upload."""

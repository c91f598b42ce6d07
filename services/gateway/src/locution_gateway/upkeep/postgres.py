"""Due work of all tenants, through functions that run as the schema's owner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.principal import TenantId

EXPIRED_UPLOADS: Final = "SELECT tenant_id, upload_id FROM gateway.expired_uploads($1)"
UNVERIFIED_UPLOADS: Final = "SELECT tenant_id, upload_id FROM gateway.unverified_uploads($1)"
EXPIRED_JOBS: Final = "SELECT tenant_id, job_id FROM gateway.expired_jobs($1)"
CLAIM_DELETIONS: Final = "SELECT * FROM gateway.claim_deletions($1, $2)"
FINISH_DELETIONS: Final = "SELECT gateway.finish_deletions($1)"
KEPT_OBJECTS: Final = "SELECT * FROM gateway.kept_objects($1)"
FORGET_REQUESTS: Final = "SELECT gateway.forget_requests($1, $2)"
ABANDONED_MULTIPARTS: Final = "SELECT * FROM gateway.abandoned_multiparts($1)"


class PostgresUpkeep:
    """Finds due work of all tenants. Several processes may look at once."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def expired_uploads(self, limit: int) -> Sequence[tuple[TenantId, UploadId]]:
        """Return expired uploads."""
        async with self._database.across_tenants() as connection:
            rows = await connection.fetch(EXPIRED_UPLOADS, limit)
        return [(TenantId(tenant), UploadId(upload)) for tenant, upload in rows]

    async def unverified_uploads(self, limit: int) -> Sequence[tuple[TenantId, UploadId]]:
        """Return sealed uploads that no process verifies."""
        async with self._database.across_tenants() as connection:
            rows = await connection.fetch(UNVERIFIED_UPLOADS, limit)
        return [(TenantId(tenant), UploadId(upload)) for tenant, upload in rows]

    async def expired_jobs(self, limit: int) -> Sequence[tuple[TenantId, JobId]]:
        """Return jobs whose retention has ended."""
        async with self._database.across_tenants() as connection:
            rows = await connection.fetch(EXPIRED_JOBS, limit)
        return [(TenantId(tenant), JobId(job)) for tenant, job in rows]

    async def claim_deletions(self, limit: int, pause: timedelta) -> Sequence[Deletion]:
        """Claim due deletions; an unfinished one becomes due again after `pause`."""
        async with self._database.across_tenants() as connection:
            rows = await connection.fetch(CLAIM_DELETIONS, limit, pause)
        return [Deletion(*row) for row in rows]

    async def kept_objects(self, folder: str) -> Sequence[str]:
        """Return the keys below a folder that belong to objects."""
        async with self._database.across_tenants() as connection:
            return [row[0] for row in await connection.fetch(KEPT_OBJECTS, folder)]

    async def finish_deletions(self, ids: Sequence[int]) -> None:
        """Remove completed deletions."""
        async with self._database.across_tenants() as connection:
            await connection.execute(FINISH_DELETIONS, list(ids))

    async def forget_requests(self, age: timedelta, limit: int) -> None:
        """Remove request ids older than this."""
        async with self._database.across_tenants() as connection:
            await connection.execute(FORGET_REQUESTS, age, limit)

    async def abandoned_multiparts(self, ids: Sequence[str]) -> Sequence[str]:
        """Return the multipart uploads that belong to no open upload."""
        async with self._database.across_tenants() as connection:
            return [row[0] for row in await connection.fetch(ABANDONED_MULTIPARTS, list(ids))]


@dataclass(frozen=True, slots=True)
class Deletion:
    """Something to delete from the object store; `multipart_id` names a multipart upload to abort."""

    deletion_id: int
    tenant_id: TenantId
    key: str
    multipart_id: str | None

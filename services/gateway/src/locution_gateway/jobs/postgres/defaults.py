"""Defaults of jobs."""

from __future__ import annotations

from typing import Any, Final

from locution_common.errors import Reason, Refused
from pydantic import TypeAdapter

from locution_gateway.jobs.config import JobDefaults, StoredDefaults
from locution_gateway.platform.codec import Codec
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Principal

DEFAULTS: Final = Codec(TypeAdapter(JobDefaults))

GET: Final = "SELECT body, update_time, version FROM gateway.defaults WHERE tenant_id = $1 AND subject = $2"
LOCK: Final = "SELECT version FROM gateway.defaults WHERE tenant_id = $1 AND subject = $2 FOR UPDATE"
# The condition is the fence when two calls create the first version.
UPSERT: Final = """
INSERT INTO gateway.defaults AS d (tenant_id, subject, body, created_by) VALUES ($1, $2, $3, $4)
ON CONFLICT (tenant_id, subject) DO UPDATE SET body = excluded.body, update_time = clock_timestamp(),
    version = d.version + 1
WHERE $5::bigint IS NULL OR d.version = $5
RETURNING body, update_time, version
"""


class PostgresDefaults:
    """Defaults of a tenant (subject "") and of its principals."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def get(self, principal: Principal, subject: str) -> StoredDefaults:
        """Read the defaults of a subject."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(GET, principal.tenant_id, subject)
        return StoredDefaults() if row is None else _stored(row)

    async def update(
        self, principal: Principal, subject: str, version: int | None, defaults: JobDefaults
    ) -> StoredDefaults:
        """Replace the defaults of a subject. Refuses with ETAG_MISMATCH."""
        body = DEFAULTS.dump(defaults)
        async with self._database.transaction(principal) as connection:
            current = await connection.fetchval(LOCK, principal.tenant_id, subject)
            if version not in (None, current or 0):
                raise Refused(Reason.ETAG_MISMATCH)
            row = await connection.fetchrow(UPSERT, principal.tenant_id, subject, body, principal.subject, version)
        if row is None:
            raise Refused(Reason.ETAG_MISMATCH)
        return _stored(row)


def _stored(row: Any) -> StoredDefaults:
    return StoredDefaults(DEFAULTS.load(row["body"]), row["update_time"], row["version"])

"""Tags in Postgres; they are stored only on the jobs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from locution_gateway.jobs.tags.models import TagCount
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Principal

# Reads only the index of tagged jobs. Ordered by bytes, so that pages continue correctly in every locale.
LIST: Final = """
SELECT t.tag COLLATE "C" AS tag, count(*) AS jobs
FROM gateway.jobs j CROSS JOIN LATERAL unnest(j.tags) AS t (tag)
WHERE j.tenant_id = $1 AND j.tags <> '{}' AND t.tag > $2::text COLLATE "C"
GROUP BY 1 ORDER BY 1 LIMIT $3
"""

COUNT: Final = "SELECT count(*) FROM gateway.jobs WHERE tenant_id = $1 AND tags @> ARRAY[$2::text]"

# Ordered by id, so that concurrent renames wait for each other instead of deadlocking.
REPLACE: Final = """
WITH tagged AS (
    SELECT job_id FROM gateway.jobs WHERE tenant_id = $1 AND tags @> ARRAY[$2::text]
    ORDER BY job_id LIMIT $4 FOR NO KEY UPDATE
), changed AS (
    UPDATE gateway.jobs j SET
        tags = CASE WHEN $3::text IS NULL OR j.tags @> ARRAY[$3::text]
            THEN array_remove(j.tags, $2::text) ELSE array_replace(j.tags, $2::text, $3::text) END,
        version = version + 1
    FROM tagged t WHERE j.job_id = t.job_id
    RETURNING j.job_id
)
SELECT count(*) FROM changed
"""


class PostgresTags:
    """Tags in a TenantDatabase."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def list(self, principal: Principal, after: str, limit: int) -> Sequence[TagCount]:
        """Return up to `limit` tags after one, by name."""
        async with self._database.transaction(principal) as connection:
            rows = await connection.fetch(LIST, principal.tenant_id, after, limit)
        return [TagCount(row["tag"], row["jobs"]) for row in rows]

    async def count(self, principal: Principal, tag: str) -> int:
        """Return the number of jobs with a tag."""
        async with self._database.transaction(principal) as connection:
            return int(await connection.fetchval(COUNT, principal.tenant_id, tag))

    async def replace(self, principal: Principal, tag: str, new: str | None, limit: int) -> int:
        """Rename or remove a tag on up to `limit` jobs in one transaction, and return their number."""
        async with self._database.transaction(principal) as connection:
            return int(await connection.fetchval(REPLACE, principal.tenant_id, tag, new, limit))

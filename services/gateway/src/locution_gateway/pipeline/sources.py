"""Find the object of a job's upload."""

from __future__ import annotations

from typing import Final

from locution_common.errors import Reason, Refused

from locution_gateway.pipeline.models import Source, StageWork
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import system

# The job's own object; else its upload's, which the job then keeps as its own.
FIND: Final = """
SELECT u.state, o.object_id, o.object_key, o.size_bytes
FROM gateway.jobs AS j
LEFT JOIN gateway.uploads AS u ON u.upload_id = j.upload_id
LEFT JOIN gateway.objects AS o ON o.object_id = coalesce(j.object_id, u.object_id)
WHERE j.job_id = $1
"""

KEEP: Final = "UPDATE gateway.jobs SET object_id = $2 WHERE job_id = $1 AND object_id IS NULL"


class PostgresSources:
    """Finds objects in the gateway's tables."""

    def __init__(self, database: TenantDatabase) -> None:
        """Look up in `database`."""
        self._database = database

    async def source(self, work: StageWork) -> Source:
        """Return it. Refuses with UPLOAD_STATE_CONFLICT during verification, UPLOAD_NOT_FOUND if it is deleted."""
        async with self._database.transaction(system(work.lease.tenant_id)) as connection:
            row = await connection.fetchrow(FIND, work.lease.job_id)
            if row is not None and row["object_id"] is not None:
                await connection.execute(KEEP, work.lease.job_id, row["object_id"])
                return Source(row["object_key"], row["size_bytes"])
        state = None if row is None else row["state"]
        if state is None:
            raise Refused(Reason.UPLOAD_NOT_FOUND)
        if state == "VERIFYING":
            raise Refused(Reason.UPLOAD_STATE_CONFLICT, "the upload is being verified", retry_after=0.5)
        raise Refused(Reason.UPLOAD_STATE_CONFLICT, f"the upload is {state}")

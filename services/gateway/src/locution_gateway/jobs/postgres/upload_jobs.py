"""Update jobs when their upload ends; every method runs in the upload's transaction."""

from __future__ import annotations

from typing import Final
from uuid import UUID

from locution_common.postgres import Connection

from locution_gateway.jobs.postgres.state_machine import JobStateMachine
from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.principal import Principal

# Jobs created during the verification wait for it.
RELEASE: Final = """
WITH waiting AS (
    UPDATE gateway.jobs SET object_id = $3
    WHERE upload_id = $1 AND tenant_id = $2 AND state IN ('QUEUED', 'RUNNING') AND object_id IS NULL
    RETURNING job_id
)
UPDATE gateway.stages SET ready_time = clock_timestamp()
WHERE job_id IN (SELECT job_id FROM waiting) AND kind = 'DECODE' AND state = 'READY'
RETURNING pg_notify('locution_stages', '')
"""

WAITING: Final = """
SELECT job_id FROM gateway.jobs
WHERE upload_id = $1 AND tenant_id = $2 AND state IN ('QUEUED', 'RUNNING') AND object_id IS NULL
ORDER BY job_id FOR UPDATE
"""

BURY_DECODE: Final = """
UPDATE gateway.stages SET state = 'DEAD', lease_token = NULL, lease_until = NULL, reason = $2, message = $3,
    end_time = clock_timestamp()
WHERE job_id = $1 AND kind = 'DECODE' AND state IN ('READY', 'LEASED')
"""

IN_USE: Final = """
SELECT EXISTS (
    SELECT FROM gateway.jobs j JOIN gateway.stages s USING (job_id)
    WHERE j.upload_id = $1 AND j.tenant_id = $2 AND s.kind = 'DECODE' AND s.state IN ('READY', 'LEASED'))
"""


class PostgresUploadJobs:
    """Jobs of an upload."""

    def __init__(self, machine: JobStateMachine) -> None:
        self._machine = machine

    async def waiting(self, connection: Connection, principal: Principal, upload_id: UploadId) -> bool:
        """Tell whether a job still has to decode the upload."""
        return bool(await connection.fetchval(IN_USE, upload_id, principal.tenant_id))

    async def release(self, connection: Connection, principal: Principal, upload_id: UploadId, object_id: UUID) -> None:
        """Start the jobs that waited for the upload, with its object."""
        await connection.execute(RELEASE, upload_id, principal.tenant_id, object_id)

    async def fail(
        self, connection: Connection, principal: Principal, upload_id: UploadId, reason: str, message: str
    ) -> None:
        """Fail the jobs that waited for the upload, with its reason."""
        for (job_id,) in await connection.fetch(WAITING, upload_id, principal.tenant_id):
            await connection.execute(BURY_DECODE, job_id, reason, message)
            await self._machine.run(connection, JobId(job_id))

"""Cancel a job."""

from __future__ import annotations

from locution_gateway.jobs.models import Job
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import Principal, Role


class CancelJob:
    """Cancels jobs."""

    def __init__(self, jobs: PostgresJobs) -> None:
        self._jobs = jobs

    async def run(self, principal: Principal, job_id: JobId) -> Job:
        """Return the job, CANCELLED now or soon. Refuses with JOB_STATE_CONFLICT if it SUCCEEDED or FAILED."""
        require(principal, Role.MEMBER)
        return await self._jobs.cancel(principal, job_id)

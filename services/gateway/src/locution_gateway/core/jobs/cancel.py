"""Cancel a job."""

from __future__ import annotations

from locution_gateway.core.authorise import require
from locution_gateway.domain.identity import Principal, Role
from locution_gateway.domain.jobs import Job, JobId
from locution_gateway.domain.ports import JobStore


class CancelJob:
    """Asks for a job's end."""

    def __init__(self, jobs: JobStore) -> None:
        self._jobs = jobs

    async def run(self, principal: Principal, job_id: JobId) -> Job:
        """Return the job, CANCELLED already or soon. Refused with JOB_STATE_CONFLICT when it SUCCEEDED or FAILED."""
        require(principal, Role.MEMBER)
        return await self._jobs.cancel(principal, job_id)

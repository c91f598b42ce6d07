"""Retry a job."""

from __future__ import annotations

from collections.abc import Callable

from locution_gateway.jobs.models import Job
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import JobId, new_id
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.requests import RequestKey


class RetryJob:
    """Creates a new job from one that FAILED or was CANCELLED."""

    def __init__(self, jobs: PostgresJobs, trace: Callable[[], str]) -> None:
        self._jobs = jobs
        self._trace = trace

    async def run(self, principal: Principal, job_id: JobId, request: RequestKey | None) -> Job:
        """Return the new job, once per request_id. Refuses with JOB_STATE_CONFLICT, REQUEST_ID_REUSED."""
        require(principal, Role.MEMBER)
        return await self._jobs.retry(principal, job_id, JobId(new_id()), self._trace(), request)

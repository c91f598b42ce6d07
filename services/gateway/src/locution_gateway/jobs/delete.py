"""Delete jobs."""

from __future__ import annotations

from typing import Final

from locution_gateway.jobs.postgres.jobs import COLUMNS, PostgresJobs
from locution_gateway.platform.authorise import require
from locution_gateway.platform.filters import parse_filter
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import Principal, Role

BATCH: Final = 200


class DeleteJobs:
    """Deletes jobs with all their results."""

    def __init__(self, jobs: PostgresJobs) -> None:
        self._jobs = jobs

    async def one(self, principal: Principal, job_id: JobId, version: int | None) -> None:
        """Delete a job in any state. Refuses with JOB_NOT_FOUND, ETAG_MISMATCH."""
        require(principal, Role.MEMBER)
        await self._jobs.delete(principal, job_id, version)

    async def matching(self, principal: Principal, wanted: str) -> int:
        """Delete the finished jobs that match a filter and return their number. Refuses with FILTER_INVALID."""
        require(principal, Role.MEMBER)
        parsed = parse_filter(wanted, COLUMNS)
        total = 0
        while count := await self._jobs.delete_finished(principal, parsed, BATCH):
            total += count
        return total

    async def count(self, principal: Principal, wanted: str) -> int:
        """Count the finished jobs that match a filter."""
        require(principal, Role.MEMBER)
        return await self._jobs.count(principal, parse_filter(wanted, COLUMNS), None)

"""Change a job."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import fields, replace

from locution_gateway.jobs.models import Job, JobChange
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.masks import unchangeable
from locution_gateway.platform.principal import Principal, Role

CHANGEABLE = tuple(field.name for field in fields(JobChange))


class UpdateJob:
    """Sets display name, tags and priority."""

    def __init__(self, jobs: PostgresJobs) -> None:
        self._jobs = jobs

    async def run(
        self, principal: Principal, job_id: JobId, version: int | None, mask: Iterable[str], values: JobChange
    ) -> Job:
        """Set the fields of the mask. Refuses with UPDATE_MASK_INVALID, ETAG_MISMATCH."""
        require(principal, Role.MEMBER)
        return await self._jobs.update(principal, job_id, version, masked(mask, values))


def masked(mask: Iterable[str], values: JobChange) -> JobChange:
    """Return the values of the mask's fields."""
    change = JobChange()
    for path in mask:
        if path not in CHANGEABLE:
            raise unchangeable(path, CHANGEABLE)
        change = replace(change, **{path: getattr(values, path)})
    return change

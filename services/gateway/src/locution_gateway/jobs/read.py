"""Read jobs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from locution_gateway.jobs.models import Job, JobState
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.platform.filters import Field, Kind, parse_filter, parse_order
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.listing import Order, PageQuery
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal

FIELDS: Final[Mapping[str, Field]] = {
    "state": Field(Kind.STATE, frozenset(JobState)),
    "tags": Field(Kind.TAGS),
    "display_name": Field(Kind.TEXT),
    "create_time": Field(Kind.TIME),
    "end_time": Field(Kind.TIME),
    "retry_of": Field(Kind.JOB),
}
ORDERS: Final = frozenset({"create_time", "end_time", "display_name"})

EXACT_TOTAL: Final = 1000


@dataclass(frozen=True, slots=True)
class JobPage:
    """A page of jobs; `total` is None beyond 1000."""

    jobs: tuple[Job, ...]
    next_token: str
    total: int | None


class ReadJobs:
    """Reads a tenant's jobs."""

    def __init__(self, jobs: PostgresJobs) -> None:
        self._jobs = jobs

    async def get(self, principal: Principal, job_id: JobId) -> Job:
        """Read one. Refused with JOB_NOT_FOUND."""
        return await self._jobs.get(principal, job_id)

    async def list(self, principal: Principal, size: int, token: str, wanted: str, order_by: str) -> JobPage:
        """Read a page. Refused with FILTER_INVALID, PAGE_TOKEN_INVALID."""
        parsed = parse_filter(wanted, FIELDS)
        order = parse_order(order_by, ORDERS, Order())
        binding = Binding(principal, "jobs", wanted, order.field, str(order.descending))
        query = PageQuery(page_size(size), parsed, order, binding.position(token))
        page = await self._jobs.list(principal, query)
        count = await self._jobs.count(principal, parsed, EXACT_TOTAL + 1)
        return JobPage(page.rows, binding.token(page.last), count if count <= EXACT_TOTAL else None)

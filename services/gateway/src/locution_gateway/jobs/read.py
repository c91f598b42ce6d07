"""Read jobs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from locution_gateway.jobs.models import Job
from locution_gateway.jobs.postgres.jobs import COLUMNS, PostgresJobs
from locution_gateway.platform.filters import parse_filter, parse_order
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.listing import Order, PageQuery
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal

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
        """Read one. Refuses with JOB_NOT_FOUND."""
        return await self._jobs.get(principal, job_id)

    async def list(self, principal: Principal, size: int, token: str, wanted: str, order_by: str) -> JobPage:
        """Read a page. Refuses with FILTER_INVALID, PAGE_TOKEN_INVALID."""
        parsed = parse_filter(wanted, COLUMNS)
        order = parse_order(order_by, COLUMNS, Order())
        binding = Binding(principal, "jobs", wanted, order.field, str(order.descending))
        query = PageQuery(page_size(size), parsed, order, binding.position(token))
        page = await self._jobs.list(principal, query)
        count = await self._jobs.count(principal, parsed, EXACT_TOTAL + 1)
        return JobPage(page.rows, binding.token(page.last), count if count <= EXACT_TOTAL else None)

"""Read and set quotas; say what was used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Final

from locution_common.errors import Reason, Refused

from locution_gateway.platform.masks import checked, masked
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.reach import Reach
from locution_gateway.quotas.models import Limits, Quotas, QuotaUse, UsageRow
from locution_gateway.quotas.postgres.quotas import PostgresQuotas

NAMES: Final = tuple(field.name for field in fields(Limits))
MAX_DAYS: Final = 366
MAX_ROWS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Standing:
    """A tenant's quotas and what is used of them."""

    quotas: Quotas
    use: QuotaUse


class ManageQuotas:
    """Quotas of a tenant: operators set them, administrators read them."""

    def __init__(self, quotas: PostgresQuotas, reach: Reach) -> None:
        self._quotas = quotas
        self._reach = reach

    async def get(self, principal: Principal, tenant: str) -> Standing:
        """Read them. Refuses with TENANT_NOT_FOUND."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        return Standing(await self._quotas.get(within), await self._quotas.use(within))

    async def update(
        self, principal: Principal, tenant: str, version: int | None, mask: Sequence[str], values: Limits
    ) -> Standing:
        """Set those that a mask names, all without one. Refuses with TENANT_NOT_FOUND, ETAG_MISMATCH."""
        checked(mask, NAMES)
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        before = await self._quotas.get(within)
        limits = masked(mask or NAMES, values, before.limits)
        # Without an etag of the client's, what was read here must still hold: no change is lost.
        changed = await self._quotas.update(within, before.version if version is None else version, limits)
        return Standing(changed, await self._quotas.use(within))


class ReadUsage:
    """Says what a tenant used."""

    def __init__(self, quotas: PostgresQuotas, reach: Reach) -> None:
        self._quotas = quotas
        self._reach = reach

    async def run(
        self, principal: Principal, tenant: str, first: date | None, last: date | None, subject: str
    ) -> tuple[Sequence[UsageRow], UsageRow]:
        """Return rows by day and principal, and their total. Refuses with TENANT_NOT_FOUND, INVALID_REQUEST."""
        within = await self._reach.within(principal, tenant, Reason.TENANT_NOT_FOUND)
        today = await self._quotas.today()
        begin, end = first or today.replace(day=1), last or today
        if not timedelta() <= end - begin <= timedelta(days=MAX_DAYS):
            raise Refused(
                Reason.INVALID_REQUEST, f"it is from 0 to {MAX_DAYS} days behind start_date", field="end_date"
            )
        rows = await self._quotas.usage(within, begin, end, subject, MAX_ROWS + 1)
        if len(rows) > MAX_ROWS:
            raise Refused(
                Reason.INVALID_REQUEST, f"these days have more than {MAX_ROWS} rows: ask for fewer", field="end_date"
            )
        return rows, total(rows)


def total(rows: Iterable[UsageRow]) -> UsageRow:
    """Return all rows together."""
    found = list(rows)
    return UsageRow(
        None,
        "",
        sum(row.audio_samples for row in found),
        sum(row.uploaded_bytes for row in found),
        sum(row.job_count for row in found),
    )

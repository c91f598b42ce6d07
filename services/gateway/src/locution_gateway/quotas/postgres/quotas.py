"""Quotas, what is used of them, and what was used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from datetime import date
from typing import Any, Final

from locution_common.errors import Reason, Refused

from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.models import Limits, Quotas, QuotaUse, UsageRow

_NAMES: Final = tuple(field.name for field in fields(Limits))

GET: Final = f"SELECT {', '.join(_NAMES)}, version FROM gateway.quotas WHERE tenant_id = $1"  # noqa: S608 - names of a class

SHARE: Final = "SELECT share FROM gateway.tenants WHERE tenant_id = $1"

LOCK: Final = "SELECT version FROM gateway.quotas WHERE tenant_id = $1 FOR UPDATE"

UPSERT: Final = """
INSERT INTO gateway.quotas AS q (tenant_id, created_by, audio_seconds_per_day, audio_seconds_per_month, stored_bytes,
    concurrent_jobs, concurrent_streams, open_uploads, api_keys, calls_per_second, calls_per_second_per_principal)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (tenant_id) DO UPDATE SET
    audio_seconds_per_day = excluded.audio_seconds_per_day, audio_seconds_per_month = excluded.audio_seconds_per_month,
    stored_bytes = excluded.stored_bytes, concurrent_jobs = excluded.concurrent_jobs,
    concurrent_streams = excluded.concurrent_streams, open_uploads = excluded.open_uploads,
    api_keys = excluded.api_keys, calls_per_second = excluded.calls_per_second,
    calls_per_second_per_principal = excluded.calls_per_second_per_principal,
    update_time = clock_timestamp(), version = q.version + 1
RETURNING version
"""

# Bytes of objects, and of uploads that are not objects yet; a stated size is taken from the beginning.
_STORED: Final = """
    coalesce((SELECT bytes FROM gateway.stored WHERE tenant_id = $1), 0)
        + coalesce((SELECT sum(greatest(committed_bytes, stated_size)) FROM gateway.uploads
                    WHERE tenant_id = $1 AND state IN ('WRITING', 'VERIFYING')), 0)::bigint AS stored_bytes
"""

STORED: Final = f"SELECT {_STORED}"

# Pending: decoded audio of jobs that have not ended, less what their sections have transcribed.
USE: Final = f"""
WITH today AS (SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date AS day),
audio AS (
    SELECT coalesce(sum(u.audio_samples) FILTER (WHERE u.day = today.day), 0)::bigint AS audio_samples_today,
        coalesce(sum(u.audio_samples), 0)::bigint AS audio_samples_this_month
    FROM today LEFT JOIN gateway.usage u
        ON u.tenant_id = $1 AND u.day BETWEEN date_trunc('month', today.day)::date AND today.day
),
pending AS (
    SELECT coalesce(sum(s.audio_samples), 0)::bigint AS audio_samples_pending
    FROM gateway.stages s WHERE s.tenant_id = $1 AND s.kind = 'TRANSCRIBE' AND s.state IN ('READY', 'LEASED')
)
SELECT audio_samples_today, audio_samples_this_month, audio_samples_pending, {_STORED},
    (SELECT count(*) FROM gateway.jobs WHERE tenant_id = $1 AND state IN ('QUEUED', 'RUNNING'))::int AS concurrent_jobs,
    (SELECT count(*) FROM gateway.open_streams WHERE tenant_id = $1 AND until > clock_timestamp())::int
        AS concurrent_streams,
    (SELECT count(*) FROM gateway.uploads WHERE tenant_id = $1 AND state IN ('WRITING', 'VERIFYING'))::int
        AS open_uploads,
    (SELECT count(*) FROM gateway.api_keys WHERE tenant_id = $1 AND revoke_time IS NULL
        AND (expire_time IS NULL OR expire_time > clock_timestamp()))::int AS api_keys
FROM audio, pending
"""  # noqa: S608 - a constant within a constant

USAGE: Final = """
SELECT day, subject, audio_samples, uploaded_bytes, job_count FROM gateway.usage
WHERE tenant_id = $1 AND day BETWEEN $2 AND $3 AND ($4 = '' OR subject = $4)
ORDER BY day, subject LIMIT $5
"""

TODAY: Final = "SELECT (clock_timestamp() AT TIME ZONE 'UTC')::date"


class PostgresQuotas:
    """Quotas over a TenantDatabase; `defaults` hold for what a tenant's own limits leave unset."""

    def __init__(self, database: TenantDatabase, defaults: Limits) -> None:
        self._database = database
        self._defaults = defaults

    async def get(self, principal: Principal) -> Quotas:
        """Read what the principal's tenant may use."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(GET, principal.tenant_id)
        limits = Limits() if row is None else limits_of(row)
        return Quotas(limits, limits.over(self._defaults), 0 if row is None else row["version"])

    async def share(self, principal: Principal) -> int:
        """Read the share of the principal's tenant; 1 for a tenant without a row."""
        async with self._database.transaction(principal) as connection:
            return await connection.fetchval(SHARE, principal.tenant_id) or 1

    async def update(self, principal: Principal, version: int | None, limits: Limits) -> Quotas:
        """Replace the tenant's own limits. Refuses with ETAG_MISMATCH."""
        async with self._database.transaction(principal) as connection:
            current = await connection.fetchval(LOCK, principal.tenant_id)
            if version not in (None, current or 0):
                raise Refused(Reason.ETAG_MISMATCH)
            changed = await connection.fetchval(UPSERT, principal.tenant_id, principal.subject, *astuple(limits))
        return Quotas(limits, limits.over(self._defaults), changed)

    async def use(self, principal: Principal) -> QuotaUse:
        """Read what is used now."""
        async with self._database.transaction(principal) as connection:
            return use_of(await connection.fetchrow(USE, principal.tenant_id))

    async def usage(
        self, principal: Principal, first: date, last: date, subject: str, limit: int
    ) -> Sequence[UsageRow]:
        """Read what was used from day to day, by day and subject; of one subject unless that is ""."""
        async with self._database.transaction(principal) as connection:
            rows = await connection.fetch(USAGE, principal.tenant_id, first, last, subject, limit)
        return [UsageRow(*row) for row in rows]

    async def today(self) -> date:
        """Return the database's day (UTC), the one that use is charged to."""
        async with self._database.across_tenants() as connection:
            found: date = await connection.fetchval(TODAY)
        return found


def use_of(row: Any) -> QuotaUse:
    """Return what a row of USE says."""
    return QuotaUse(**{field.name: int(row[field.name]) for field in fields(QuotaUse)})


def limits_of(row: Mapping[str, Any]) -> Limits:
    """Return a tenant's own limits."""
    return Limits(**{name: row[name] for name in _NAMES})

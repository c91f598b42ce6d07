"""Quotas of jobs and uploads, checked in the transaction that makes one, so that all replicas agree."""

from __future__ import annotations

from typing import Final

from locution_common.postgres import Connection
from locution_speech.clock import SAMPLE_RATE

from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.models import Limits, QuotaUse, quota_exceeded
from locution_gateway.quotas.postgres import quotas as sql

# Two calls at once must not both find the last free place: what a tenant makes is made one after the other.
LOCK: Final = "SELECT pg_advisory_xact_lock(hashtextextended('locution-quota:' || $1, 0))"

# The same for bytes. It is taken last of all, for writers come with a row's lock that makers of jobs wait for.
LOCK_STORED: Final = "SELECT pg_advisory_xact_lock(hashtextextended('locution-stored:' || $1, 0))"

SECONDS_TO: Final = """
SELECT extract(epoch FROM date_trunc($1, at + ('1 ' || $1)::interval) - at)::double precision
FROM (SELECT clock_timestamp() AT TIME ZONE 'UTC' AS at) AS clock
"""


class QuotaGuard:
    """Refuses what a quota does not allow. `defaults` hold for tenants without limits of their own."""

    def __init__(self, defaults: Limits) -> None:
        self._defaults = defaults

    async def job(self, connection: Connection, principal: Principal, *, charged: bool = False) -> None:
        """Refuse with QUOTA_EXCEEDED when the tenant may make no further job; `charged` audio was let in before.

        Audio that is delivered and audio that decoded jobs have yet to deliver count. A recording's length is unknown
        before it is decoded: jobs that are let in while the quota is not used up may exceed it by their own length.
        """
        limits = await self._limits(connection, principal)
        audio = limits.audio_seconds_per_day is not None or limits.audio_seconds_per_month is not None
        if limits.concurrent_jobs is None and not audio:
            return
        use = await self._use(connection, principal)
        if limits.concurrent_jobs is not None and use.concurrent_jobs >= limits.concurrent_jobs:
            raise quota_exceeded("concurrent_jobs", f"{limits.concurrent_jobs} jobs at once", retry_after=10.0)
        if not charged:
            await _check_audio(connection, limits, use)

    async def live(self, connection: Connection, principal: Principal) -> None:
        """Refuse with QUOTA_EXCEEDED when the tenant's audio of the day or the month is used up.

        A session's length is unknown before it ends: one that is let in goes on.
        """
        limits = await self._limits(connection, principal)
        if limits.audio_seconds_per_day is not None or limits.audio_seconds_per_month is not None:
            await _check_audio(connection, limits, await self._use(connection, principal))

    async def upload(self, connection: Connection, principal: Principal, size: int | None, open_limit: int) -> None:
        """Refuse with QUOTA_EXCEEDED unless the tenant may begin an upload of `size` bytes (None: not stated)."""
        limits = await self._limits(connection, principal)
        use = await self._use(connection, principal)
        most = open_limit if limits.open_uploads is None else limits.open_uploads
        if use.open_uploads >= most:
            raise quota_exceeded("open_uploads", f"{most} open uploads", retry_after=60.0)
        await _check_stored(connection, principal, limits, size or 1)

    async def stored(self, connection: Connection, principal: Principal, more: int = 0) -> None:
        """Refuse with QUOTA_EXCEEDED when the tenant's stored bytes plus `more` exceed its limit.

        What the transaction itself counted is in it. Nothing may wait for a lock behind this.
        """
        await _check_stored(connection, principal, await self._limits(connection, principal), more)

    async def _limits(self, connection: Connection, principal: Principal) -> Limits:
        row = await connection.fetchrow(sql.GET, principal.tenant_id)
        return self._defaults if row is None else sql.limits_of(row).over(self._defaults)

    async def _use(self, connection: Connection, principal: Principal) -> QuotaUse:
        await connection.execute(LOCK, str(principal.tenant_id))
        return sql.use_of(await connection.fetchrow(sql.USE, principal.tenant_id))


async def _check_stored(connection: Connection, principal: Principal, limits: Limits, more: int) -> None:
    if limits.stored_bytes is None:
        return
    await connection.execute(LOCK_STORED, str(principal.tenant_id))
    if await connection.fetchval(sql.STORED, principal.tenant_id) + more > limits.stored_bytes:
        raise quota_exceeded("stored_bytes", f"{limits.stored_bytes} bytes of uploads")


async def _check_audio(connection: Connection, limits: Limits, use: QuotaUse) -> None:
    spans = (
        ("day", "audio_duration_per_day", limits.audio_seconds_per_day, use.audio_samples_today),
        ("month", "audio_duration_per_month", limits.audio_seconds_per_month, use.audio_samples_this_month),
    )
    for span, name, limit, used in spans:
        if limit is not None and used + use.audio_samples_pending >= limit * SAMPLE_RATE:
            wait = await connection.fetchval(SECONDS_TO, span)
            raise quota_exceeded(name, f"{limit} s of audio a {span} (UTC)", retry_after=wait)

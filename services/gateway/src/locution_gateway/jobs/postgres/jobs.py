"""Jobs in Postgres, as the api creates, reads and ends them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection

from locution_gateway.jobs.config import JobConfig
from locution_gateway.jobs.models import Backlog, EventKind, Job, JobChange, JobState, NewJob
from locution_gateway.jobs.postgres import events, rows, sql
from locution_gateway.jobs.postgres.rows import SELECT, shown_job
from locution_gateway.jobs.postgres.state_machine import JobStateMachine
from locution_gateway.platform import requests
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import JobId, UploadId, new_id
from locution_gateway.platform.listing import Column, Filter, Kind, Page, PageQuery
from locution_gateway.platform.lists import Builder, Listing
from locution_gateway.platform.principal import Principal
from locution_gateway.platform.requests import RequestKey
from locution_gateway.quotas.models import Limits
from locution_gateway.quotas.postgres.guard import QuotaGuard
from locution_gateway.uploads.models import UploadState

COLUMNS: Final[Mapping[str, Column]] = {
    "create_time": Column("j.create_time", Kind.TIME, ordered=True),
    "end_time": Column("coalesce(j.end_time, 'infinity'::timestamptz)", Kind.TIME, ordered=True),
    "display_name": Column("j.display_name", Kind.TEXT, ordered=True),
    "state": Column("j.state", Kind.STATE, frozenset(JobState)),
    "tags": Column("j.tags", Kind.TAGS),
    "retry_of": Column("j.retry_of", Kind.JOB),
}

_RETRIABLE: Final = (JobState.FAILED, JobState.CANCELLED)
_ENDED: Final = [state.value for state in JobState if state.terminal]


class PostgresJobs:
    """Jobs of a tenant. Absent ones and those of other tenants are refused with JOB_NOT_FOUND."""

    def __init__(self, database: TenantDatabase, machine: JobStateMachine, guard: QuotaGuard | None = None) -> None:
        self._database = database
        self._machine = machine
        self._guard = guard or QuotaGuard(Limits())

    async def create(self, principal: Principal, job: NewJob, request: RequestKey | None) -> Job:
        """Create it with its first stage and first event, once per request_id.

        Refuses with UPLOAD_NOT_FOUND, UPLOAD_STATE_CONFLICT, REQUEST_ID_REUSED.
        """
        async with self._database.transaction(principal) as connection:
            before = await requests.claim(connection, principal, request, job.job_id)
            if before is not None:
                return await _get(connection, principal, JobId(before))
            await self._guard.job(connection, principal, charged=job.paid_samples is not None)
            upload = await _usable_upload(connection, principal, job.upload_id)
            await _insert(connection, principal, job, upload["object_id"])
            ready = upload["state"] == UploadState.READY
            await connection.execute(sql.ADD_DECODE, new_id(), job.job_id, principal.tenant_id, job.priority, ready)
            await _announce(connection, job.job_id)
            return await _get(connection, principal, job.job_id)

    async def repeated(self, principal: Principal, request: RequestKey) -> JobId | None:
        """Return the job of an earlier identical request. Refuses with REQUEST_ID_REUSED."""
        async with self._database.transaction(principal) as connection:
            found = await requests.find(connection, principal, request)
        return None if found is None else JobId(found)

    async def check_upload(self, principal: Principal, upload_id: UploadId | None) -> None:
        """Refuse with UPLOAD_NOT_FOUND or UPLOAD_STATE_CONFLICT unless a job may use the upload."""
        async with self._database.transaction(principal) as connection:
            await _usable_upload(connection, principal, upload_id)

    async def get(self, principal: Principal, job_id: JobId) -> Job:
        """Read one with its progress."""
        async with self._database.transaction(principal) as connection:
            return await _get(connection, principal, job_id)

    async def list(self, principal: Principal, query: PageQuery) -> Page[Job]:
        """Read a page."""
        return await LISTING.page(self._database, principal, query)

    async def count(self, principal: Principal, wanted: Filter, limit: int | None) -> int:
        """Count those that match a filter, up to `limit`; without a limit, only finished ones."""
        builder = LISTING.builder(principal)
        builder.narrow(wanted)
        if limit is None:
            _ended(builder)
        end = "" if limit is None else f"LIMIT {builder.parameter(limit, 'bigint')}"
        statement = builder.select(sql.COUNT, f"{end}) AS named")
        async with self._database.transaction(principal) as connection:
            return int(await connection.fetchval(statement.text, *statement.values))

    async def cancel(self, principal: Principal, job_id: JobId) -> Job:
        """Cancel it. Refuses with JOB_STATE_CONFLICT if it SUCCEEDED or FAILED."""
        async with self._database.transaction(principal) as connection:
            state = JobState((await _lock(connection, principal, job_id))["state"])
            if state in (JobState.SUCCEEDED, JobState.FAILED):
                raise Refused(Reason.JOB_STATE_CONFLICT, f"the job has already {state.value}")
            if not state.terminal:
                await connection.execute(sql.WANT_CANCEL, job_id, principal.tenant_id)
                await self._machine.run(connection, job_id)
                await connection.execute(sql.NOTIFY_CANCEL, str(job_id))
            return await _get(connection, principal, job_id)

    async def retry(
        self, principal: Principal, old: JobId, new: JobId, trace_context: str, request: RequestKey | None
    ) -> Job:
        """Create a job that adopts an old one's finished stages. Refuses with JOB_STATE_CONFLICT, REQUEST_ID_REUSED."""
        async with self._database.transaction(principal) as connection:
            before = await requests.claim(connection, principal, request, new)
            if before is not None:
                return await _get(connection, principal, JobId(before))
            state = JobState((await _lock(connection, principal, old))["state"])
            if state not in _RETRIABLE:
                raise Refused(
                    Reason.JOB_STATE_CONFLICT,
                    f"the job is {state.value}; only FAILED and CANCELLED jobs can be retried",
                )
            await self._guard.job(connection, principal)
            await _adopt(connection, principal, old, new, trace_context)
            await _announce(connection, new)
            await self._machine.run(connection, new)
            return await _get(connection, principal, new)

    async def update(self, principal: Principal, job_id: JobId, version: int | None, change: JobChange) -> Job:
        """Change it. Refuses with ETAG_MISMATCH."""
        tags = None if change.tags is None else list(change.tags)
        async with self._database.transaction(principal) as connection:
            await _lock(connection, principal, job_id, version)
            await connection.execute(
                sql.UPDATE, job_id, principal.tenant_id, change.display_name, tags, change.priority
            )
            if change.priority is not None:
                await connection.execute(sql.UPDATE_STAGES, job_id, change.priority)
            return await _get(connection, principal, job_id)

    async def delete(self, principal: Principal, job_id: JobId, version: int | None) -> None:
        """Delete it with the rows of its stages, so that a worker that still runs one changes nothing."""
        async with self._database.transaction(principal) as connection:
            await _lock(connection, principal, job_id, version)
            await connection.execute(sql.DELETE, job_id, principal.tenant_id)

    async def delete_finished(self, principal: Principal, wanted: Filter, limit: int) -> int:
        """Delete up to `limit` finished jobs that match a filter and return their number."""
        builder = LISTING.builder(principal)
        builder.narrow(wanted)
        _ended(builder)
        end = f"ORDER BY j.job_id LIMIT {builder.parameter(limit, 'bigint')} FOR UPDATE"
        statement = builder.select(sql.SELECT_IDS, end)
        async with self._database.transaction(principal) as connection:
            ids = [row["job_id"] for row in await connection.fetch(statement.text, *statement.values)]
            await connection.execute(sql.DELETE_MANY, ids, principal.tenant_id)
        return len(ids)

    async def expire(self, principal: Principal, job_id: JobId) -> None:
        """Delete it if its retention has ended."""
        async with self._database.transaction(principal) as connection:
            await connection.execute(sql.EXPIRE, job_id, principal.tenant_id)

    async def backlog(self, principal: Principal, before: Job | None) -> Backlog:
        """Measure the tenant's work ahead of a job, or of a new one."""
        behind = (None, 0, None) if before is None else (before.create_time, before.priority, before.job_id)
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(sql.BACKLOG, principal.tenant_id, *behind)
        return Backlog(row["jobs"], row["samples"])

    async def speeds(self, config: JobConfig) -> dict[str, float]:
        """Return the measured seconds of work per second of audio by kind of stage."""
        diarizer = None if config.diarization is None else config.diarization.model.path
        async with self._database.across_tenants() as connection:
            rows = await connection.fetch(sql.SPEEDS, config.asr_model.path, diarizer)
        return {row["kind"]: row["seconds_per_audio_second"] for row in rows}


def _ended(builder: Builder) -> None:
    builder.conditions.append(f"j.state = ANY ({builder.parameter(_ENDED, 'text[]')})")


async def _get(connection: Connection, principal: Principal, job_id: JobId) -> Job:
    row = await connection.fetchrow(sql.GET, job_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.JOB_NOT_FOUND)
    return shown_job(row)


async def _lock(
    connection: Connection, principal: Principal, job_id: JobId, version: int | None = None
) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await connection.fetchrow(sql.LOCK, job_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.JOB_NOT_FOUND)
    if version not in (None, row["version"]):
        raise Refused(Reason.ETAG_MISMATCH)
    return row


async def _usable_upload(connection: Connection, principal: Principal, upload_id: UploadId | None) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await connection.fetchrow(sql.LOCK_UPLOAD, upload_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.UPLOAD_NOT_FOUND)
    if row["state"] not in (UploadState.READY, UploadState.VERIFYING):
        raise Refused(Reason.UPLOAD_STATE_CONFLICT, f"the upload is {row['state']}, neither READY nor VERIFYING")
    return row


async def _insert(connection: Connection, principal: Principal, job: NewJob, object_id: Any) -> None:
    await connection.execute(
        sql.CREATE,
        job.job_id,
        principal.tenant_id,
        principal.subject,
        job.display_name,
        job.upload_id,
        object_id,
        rows.REQUEST.dump(job.requested),
        rows.CONFIG.dump(job.config),
        list(job.tags),
        job.priority,
        rows.WARNINGS.dump(job.warnings),
        job.trace_context,
        job.paid_samples,
    )
    for warning in job.warnings:
        await events.append_event(connection, job.job_id, EventKind.WARNING, events.warning(warning))


async def _announce(connection: Connection, job_id: JobId) -> None:
    queued = events.state_changed(JobState.QUEUED)
    await events.append_event(connection, job_id, EventKind.STATE_CHANGED, queued)
    await connection.execute(sql.NOTIFY_STAGES)


async def _adopt(connection: Connection, principal: Principal, old: JobId, new: JobId, trace_context: str) -> None:
    """Copy a job with its finished stages and their results; the decoded audio is shared."""
    tenant = principal.tenant_id
    await connection.execute(sql.RETRY, old, tenant, new, principal.subject, trace_context)
    await connection.execute(sql.ADOPT_SECTIONS, old, tenant, new)
    await connection.execute(sql.ADOPT_STAGES, old, tenant, new)
    await connection.execute(sql.ADOPT_RESULTS, old, new)


LISTING: Final = Listing(SELECT, "j", "job_id", shown_job, COLUMNS)

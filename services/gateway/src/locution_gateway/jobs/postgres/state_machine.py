"""Advance a job after one of its stages ended: create the next stages, or end the job.

Every method runs in the transaction that ended the stage, under the lock on the job's row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from locution_common.errors import Reason
from locution_common.postgres import Connection

from locution_gateway.jobs.models import EventKind, Failure, Job, JobState, JobWarning, StageKind, StageState
from locution_gateway.jobs.postgres import events
from locution_gateway.jobs.postgres import rows as job_rows
from locution_gateway.jobs.postgres import stage_sql as sql
from locution_gateway.platform.bounds import bounded
from locution_gateway.platform.ids import JobId, new_id

OPEN: Final = (StageState.READY, StageState.LEASED)


READ_JOB: Final = f"{job_rows.SELECT} WHERE j.job_id = $1"


@dataclass(frozen=True, slots=True)
class Standing:
    """The number of stages of each kind and state of a job."""

    counts: Counter[tuple[StageKind, StageState]]

    def has(self, kind: StageKind, *states: StageState) -> bool:
        """Tell whether any stage of the kind is in one of the states."""
        return any(self.counts[kind, state] for state in states)

    def exists(self, kind: StageKind) -> bool:
        """Tell whether any stage of the kind exists."""
        return self.has(kind, *StageState)

    def leased(self) -> bool:
        """Tell whether a worker holds any stage."""
        return any(state is StageState.LEASED and count for (_, state), count in self.counts.items())


class JobStateMachine:
    """Advances jobs."""

    def __init__(self, default_retention: timedelta) -> None:
        """Keep jobs without their own retention for `default_retention` after their end."""
        self._default_retention = default_retention

    async def run(self, connection: Connection, job_id: JobId) -> None:
        """Make the next stages ready, or end the job, depending on its stages."""
        try:
            job = await lock_job(connection, job_id)
        except job_rows.UnreadableJobError:
            await self.bury(connection, job_id)
            return
        if job is None or job.state.terminal:
            return
        if job.cancel_requested:
            await self._cancel(connection, job)
            return
        await self._next(connection, job, await _standing(connection, job_id))

    async def _next(self, connection: Connection, job: Job, standing: Standing) -> None:
        for kind in (StageKind.DECODE, StageKind.JOIN):
            if standing.has(kind, StageState.DEAD):
                await self._fail(connection, job, await _last_failure(connection, job.job_id, kind))
                return
        if standing.has(StageKind.DECODE, *OPEN):
            await _wake(connection)
            return
        if not standing.has(StageKind.TRANSCRIBE, *OPEN, StageState.DONE):
            await self._fail(connection, job, await self._no_section(connection, job))
            return
        if _wants_cluster(job, standing):
            await _add(connection, job, StageKind.CLUSTER)
        elif _wants_join(standing):
            await _add(connection, job, StageKind.JOIN)
        await _wake(connection)

    async def _no_section(self, connection: Connection, job: Job) -> Failure:
        last = await _last_failure(connection, job.job_id, StageKind.TRANSCRIBE)
        message = f"no section gave a result; the last reason was {last.reason}: {last.message}"
        return Failure(Reason.JOB_NO_SECTION_SUCCEEDED, message)

    async def succeed(
        self, connection: Connection, job: Job, warnings: tuple[JobWarning, ...], metrics: dict[str, float]
    ) -> None:
        """End a job whose transcript is stored; a cancellation that came with its last stage is too late."""
        await self._end(connection, job, JobState.SUCCEEDED, None, warnings, metrics)

    async def bury(self, connection: Connection, job_id: JobId) -> None:
        """End a job as FAILED with ROW_UNREADABLE, without reading its contents."""
        failure = Failure(Reason.ROW_UNREADABLE, Reason.ROW_UNREADABLE.message)
        error = job_rows.FAILURE.dump(failure)
        if await connection.fetchval(sql.BURY_JOB, job_id, error, self._default_retention):
            await connection.execute(sql.CANCEL_OPEN, job_id)
            ended = events.state_changed(JobState.FAILED, failure)
            await events.append_event(connection, job_id, EventKind.STATE_CHANGED, ended)

    async def _fail(self, connection: Connection, job: Job, failure: Failure) -> None:
        await connection.execute(sql.CANCEL_OPEN, job.job_id)
        await self._end(connection, job, JobState.FAILED, failure)

    async def _cancel(self, connection: Connection, job: Job) -> None:
        await connection.execute(sql.CANCEL_READY, job.job_id)
        if not (await _standing(connection, job.job_id)).leased():
            await self._end(connection, job, JobState.CANCELLED, None)

    async def _end(
        self,
        connection: Connection,
        job: Job,
        state: JobState,
        failure: Failure | None,
        warnings: tuple[JobWarning, ...] = (),
        metrics: dict[str, float] | None = None,
    ) -> None:
        retention = bounded(job.config.retention or self._default_retention)
        error = None if failure is None else job_rows.FAILURE.dump(failure)
        rows = await connection.fetch(sql.METRICS, job.job_id)
        figures = {f"{kind}_seconds": seconds for kind, seconds in rows} | (metrics or {})
        await connection.execute(
            sql.END_JOB, job.job_id, state, error, job_rows.WARNINGS.dump(warnings), figures, retention
        )
        for warning in warnings:
            await events.append_event(connection, job.job_id, EventKind.WARNING, events.warning(warning))
        await events.append_event(connection, job.job_id, EventKind.STATE_CHANGED, events.state_changed(state, failure))


def _wants_cluster(job: Job, standing: Standing) -> bool:
    diarized = standing.has(StageKind.DIARIZE, StageState.DONE) and not standing.has(StageKind.DIARIZE, *OPEN)
    return job.config.diarization is not None and diarized and not standing.exists(StageKind.CLUSTER)


def _wants_join(standing: Standing) -> bool:
    waits = any(standing.has(kind, *OPEN) for kind in (StageKind.TRANSCRIBE, StageKind.DIARIZE, StageKind.CLUSTER))
    return not waits and not standing.exists(StageKind.JOIN)


async def lock_job(connection: Connection, job_id: JobId) -> Job | None:
    """Lock a job's row until the transaction ends, and return the job, or None if it is deleted.

    Raises UnreadableJobError.
    """
    if await connection.fetchrow(sql.LOCK_JOB, job_id) is None:
        return None
    return job_rows.job_from_row(await connection.fetchrow(READ_JOB, job_id))


async def _standing(connection: Connection, job_id: JobId) -> Standing:
    rows = await connection.fetch(sql.STANDING, job_id)
    return Standing(Counter({(StageKind(kind), StageState(state)): count for kind, state, count in rows}))


async def _last_failure(connection: Connection, job_id: JobId, kind: StageKind) -> Failure:
    return failure_of(await connection.fetchrow(sql.LAST_FAILURE, job_id, kind))


def failure_of(row: Mapping[str, Any]) -> Failure:
    """Return why a stage failed for good."""
    return Failure(Reason(row["reason"] or Reason.INTERNAL), row["message"] or "")


async def _add(connection: Connection, job: Job, kind: StageKind) -> None:
    await connection.execute(sql.ADD_STAGE, new_id(), job.job_id, kind, 0, 0, job.audio_samples or 0)


async def _wake(connection: Connection) -> None:
    await connection.execute(sql.NOTIFY)

"""The stage queue in Postgres."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import UUID

import asyncpg
from locution_common.errors import Reason
from locution_common.postgres import Connection
from locution_speech.clock import SAMPLE_RATE

from locution_gateway.jobs.models import (
    EventKind,
    Failure,
    Job,
    JobState,
    LeaseToken,
    Section,
    StageId,
    StageKind,
    StageLease,
    StageProgress,
    StageState,
)
from locution_gateway.jobs.postgres import events
from locution_gateway.jobs.postgres import rows as job_rows
from locution_gateway.jobs.postgres import stage_sql as sql
from locution_gateway.jobs.postgres.state_machine import JobStateMachine, failure_of, lock_job
from locution_gateway.pipeline.models import (
    SHORT,
    Decoded,
    FinishedStage,
    Joined,
    LeaseLostError,
    SectionResult,
    StageWork,
)
from locution_gateway.pipeline.recording import pcm_prefix
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import JobId, new_id
from locution_gateway.platform.principal import TenantId, system
from locution_gateway.platform.troubled import TroubledRows, Work
from locution_gateway.transcripts import codec as transcripts_codec
from locution_gateway.transcripts import sql as transcripts_sql

_log = logging.getLogger(__name__)

LEAST_CHARGE = SAMPLE_RATE
"""Minimum samples that a claim costs its tenant: one second."""


class PostgresStages:
    """The queue of stages. Times are the database's; the lease's token fences every write but `claim`.

    A write under a lost lease changes no row and raises LeaseLostError.
    """

    def __init__(self, database: TenantDatabase, default_retention: timedelta, troubled: TroubledRows) -> None:
        """Keep jobs without their own retention for `default_retention` after their end."""
        self._database = database
        self._troubled = troubled
        self._machine = JobStateMachine(default_retention)

    async def claim(
        self, worker: str, lease: timedelta, kinds: Sequence[StageKind], others_than: Collection[TenantId] = ()
    ) -> StageLease | None:
        """Claim the next ready stage, fairly between the tenants except `others_than`; None if there is none."""
        async with self._database.across_tenants() as connection:
            row = await connection.fetchrow(sql.CLAIM, worker, lease, list(kinds), LEAST_CHARGE, list(others_than))
        return None if row is None else _lease(row)

    async def begin(self, lease: StageLease) -> StageWork:
        """Load the stage's inputs and set its job RUNNING. Raises LeaseLostError for a deleted or unreadable job."""
        try:
            return await self._begin(lease)
        except job_rows.UnreadableJobError as error:
            async with self._tenant(lease.tenant_id) as connection:
                await self._machine.bury(connection, lease.job_id)
            raise LeaseLostError("the job was unreadable and has been ended") from error

    async def _begin(self, lease: StageLease) -> StageWork:
        async with self._tenant(lease.tenant_id) as connection:
            job = await self._held(connection, lease)
            if await connection.fetchval(sql.START_JOB, lease.job_id):
                running = events.state_changed(JobState.RUNNING)
                await events.append_event(connection, lease.job_id, EventKind.STATE_CHANGED, running)
            return await _work(connection, lease, job)

    async def renew(self, lease: StageLease, duration: timedelta, done_samples: int) -> bool:
        """Renew the lease, store progress, and return whether cancellation was requested, in one statement."""
        async with self._tenant(lease.tenant_id) as connection:
            if done_samples:
                # The job is locked before the stage, as everywhere: its progress is an event of the job.
                await connection.fetchval(sql.LOCK_JOB, lease.job_id)
            wanted = await connection.fetchval(sql.RENEW, lease.stage_id, lease.token, duration, done_samples)
            if wanted is None:
                raise LeaseLostError("the lease was lost")
            if done_samples:
                await _append_progress(connection, lease)
        return bool(wanted)

    async def finish_decode(
        self, lease: StageLease, decoded: Decoded, onward: timedelta | None = None
    ) -> StageWork | None:
        """Store the result of decoding and make the sections' stages ready; go on as `finish_section` does."""
        async with self._tenant(lease.tenant_id) as connection:
            job = await self._held(connection, lease)
            await self._done(connection, lease, decoded.audio_samples, 0.0)
            media = None if decoded.media is None else job_rows.MEDIA.dump(decoded.media)
            await connection.execute(
                sql.KEEP_DECODED, job.job_id, decoded.audio_samples, decoded.channels, decoded.pcm_key, media
            )
            await self._add_sections(connection, job, decoded)
            await self._warn(connection, job, decoded)
            await self._machine.run(connection, lease.job_id)
            await connection.execute(sql.CHARGE, lease.tenant_id, decoded.audio_samples)
            following = await self._go_on(connection, lease, onward)
        return None if following is None else replace(following, pcm=decoded.pcm)

    async def finish_section(
        self, lease: StageLease, result: SectionResult, onward: timedelta | None = None
    ) -> StageWork | None:
        """Store the result of a TRANSCRIBE, DIARIZE or CLUSTER stage.

        With `onward`, the job's next ready stage is leased to the same worker for so long, in the same transaction, and
        returned, if the recording is SHORT. Its tenant is charged for it as for a claim.
        """
        async with self._tenant(lease.tenant_id) as connection:
            job = await self._held(connection, lease)
            await self._done(connection, lease, 0, result.work_seconds)
            await connection.execute(sql.KEEP_RESULT, lease.stage_id, lease.tenant_id, result.body)
            await self._measure(connection, job, lease, result.work_seconds)
            await self._machine.run(connection, lease.job_id)
            return await self._go_on(connection, lease, onward)

    async def finish_join(self, lease: StageLease, joined: Joined) -> None:
        """Store the transcript and end the job as SUCCEEDED."""
        async with self._tenant(lease.tenant_id) as connection:
            job = await self._held(connection, lease)
            await self._done(connection, lease, job.audio_samples or 0, 0.0)
            summary = transcripts_codec.SUMMARY.dump(joined.summary)
            await connection.execute(
                transcripts_sql.KEEP_TRANSCRIPT, job.job_id, job.tenant_id, job.created_by, summary
            )
            segments = transcripts_codec.dump_segments(joined.segments)
            await connection.execute(transcripts_sql.KEEP_SEGMENTS, job.job_id, job.tenant_id, segments)
            metrics: dict[str, float] = {"speech_samples": joined.speech_samples}
            if joined.summary.speakers is not None:
                metrics["speaker_count"] = len(joined.summary.speakers)
            await self._machine.succeed(connection, job, joined.warnings, metrics)

    async def give_back(
        self, lease: StageLease, failure: Failure, delay: timedelta, max_age: timedelta
    ) -> tuple[StageState, Failure]:
        """Make the stage ready after `delay` without using an attempt; dead once the job is older than max_age.

        Return its state, and why it is in it.
        """
        async with self._tenant(lease.tenant_id) as connection:
            age = await connection.fetchval(sql.JOB_AGE, lease.job_id)
            if age is not None and age > max_age:
                failure = Failure(Reason.JOB_EXPIRED, f"no capacity for {max_age}: {failure.message}")
                state = StageState.DEAD
            else:
                state = StageState.READY
            await self._return(connection, lease, state, failure, int(state is StageState.READY), delay)
        return state, failure

    async def fail(self, lease: StageLease, failure: Failure, delay: timedelta | None, max_attempts: int) -> StageState:
        """Make the stage ready again after `delay`, or dead if that is None or the attempts are used up."""
        async with self._tenant(lease.tenant_id) as connection:
            again = delay is not None and lease.attempts < max_attempts
            state = StageState.READY if again else StageState.DEAD
            await self._return(connection, lease, state, failure, 0, delay or timedelta())
        return state

    async def cancel(self, lease: StageLease) -> None:
        """End the stage as CANCELLED, because its job is being cancelled."""
        reason = Failure(Reason.JOB_CANCELLED, Reason.JOB_CANCELLED.message)
        async with self._tenant(lease.tenant_id) as connection:
            await self._return(connection, lease, StageState.CANCELLED, reason, 0, timedelta())

    async def finished(self, lease: StageLease, kinds: Sequence[StageKind]) -> tuple[FinishedStage, ...]:
        """Return the job's stages of these kinds that are DONE or DEAD, by kind, section and channel."""
        async with self._tenant(lease.tenant_id) as connection:
            rows = await connection.fetch(sql.FINISHED, lease.job_id, list(kinds))
        return tuple(_finished(row) for row in rows)

    async def reap(
        self,
        max_attempts: int,
        backoff: timedelta,
        limit: int,
        note: Callable[[StageKind], None] = lambda _: None,
    ) -> int:
        """Return stages of silent workers to the queue, or fail them after the last attempt; end cancelled jobs.

        If expiring a stage fails again and again, its job ends as FAILED without being read. Returns the number tried;
        `note` hears of each that was returned or failed.
        """
        async with self._database.across_tenants() as connection:
            expired = await connection.fetch(sql.EXPIRED, limit)
        rows = [
            (tenant, stage, partial(self._expire, TenantId(tenant), stage, token, max_attempts, backoff, note))
            for tenant, stage, token in expired
        ]
        for tenant, stage, _ in await self._troubled.attempt(Work.EXPIRE_STAGE, rows):
            await self._bury(TenantId(tenant), UUID(str(stage)))
        return len(expired)

    async def _bury(self, tenant_id: TenantId, stage_id: UUID) -> None:
        """End the job of a stage that cannot be expired, without reading what the job's row holds."""
        try:
            async with self._tenant(tenant_id) as connection:
                job_id = await connection.fetchval(sql.LOCK_STAGES_JOB, stage_id)
                if job_id:
                    await self._machine.bury(connection, job_id)
        except Exception:  # noqa: BLE001 - the row is set aside and listed; other rows must go on
            _log.exception("an unreadable job could not be ended", extra={"stage_id": str(stage_id)})

    async def _expire(
        self,
        tenant_id: TenantId,
        stage_id: UUID,
        token: UUID,
        max_attempts: int,
        backoff: timedelta,
        note: Callable[[StageKind], None],
    ) -> None:
        async with self._tenant(tenant_id) as connection:
            await connection.fetchval(sql.LOCK_STAGES_JOB, stage_id)
            row = await connection.fetchrow(
                sql.EXPIRE, stage_id, token, max_attempts, backoff, Reason.JOB_ATTEMPTS_EXHAUSTED
            )
            if row is not None:
                job_id = JobId(row["job_id"])
                if row["kind"] == StageKind.DECODE:
                    await _drop_attempt(connection, tenant_id, job_id, LeaseToken(token))
                await self._machine.run(connection, job_id)
        if row is not None:
            note(StageKind(row["kind"]))

    def _tenant(self, tenant_id: TenantId) -> AbstractAsyncContextManager[Connection]:
        return self._database.transaction(system(tenant_id))

    async def _held(self, connection: Connection, lease: StageLease) -> Job:
        """Lock job and stage, and return the job. Raises LeaseLostError."""
        job = await lock_job(connection, lease.job_id)
        if job is None or not await connection.fetchval(sql.HOLDS, lease.stage_id, lease.token):
            raise LeaseLostError("the lease was lost")
        return job

    async def _done(self, connection: Connection, lease: StageLease, samples: int, work_seconds: float) -> None:
        if not await connection.fetchval(sql.FINISH, lease.stage_id, lease.token, samples, work_seconds):
            raise LeaseLostError("the lease was lost")
        await _append_progress(connection, lease)
        if lease.kind in (StageKind.TRANSCRIBE, StageKind.DIARIZE):
            section = Section(*await connection.fetchrow(sql.SECTION, lease.job_id, lease.section))
            payload = events.section_finished(lease.kind, section)
            await events.append_event(connection, lease.job_id, EventKind.SECTION_FINISHED, payload)

    async def _return(
        self,
        connection: Connection,
        lease: StageLease,
        state: StageState,
        failure: Failure,
        uncounted: int,
        delay: timedelta,
    ) -> None:
        await connection.execute(sql.LOCK_JOB, lease.job_id)
        arguments = (lease.stage_id, lease.token, state, failure.reason, failure.message, uncounted, delay)
        if not await connection.fetchval(sql.RETURN, *arguments):
            raise LeaseLostError("the lease was lost")
        if lease.kind is StageKind.DECODE:
            await _drop_attempt(connection, lease.tenant_id, lease.job_id, lease.token)
        await self._machine.run(connection, lease.job_id)

    async def _go_on(self, connection: Connection, lease: StageLease, duration: timedelta | None) -> StageWork | None:
        """Lease what follows; a damaged row costs nothing of what the transaction holds already."""
        try:
            async with connection.transaction():
                return await self._next(connection, lease, duration)
        except (asyncpg.PostgresError, job_rows.UnreadableJobError):
            _log.exception("the next stage could not be leased", extra={"job_id": str(lease.job_id)})
            return None

    async def _next(self, connection: Connection, lease: StageLease, duration: timedelta | None) -> StageWork | None:
        job = None if duration is None else await lock_job(connection, lease.job_id)
        if job is None or job.audio_samples is None or job.audio_samples > SHORT:
            return None
        row = await connection.fetchrow(sql.GO_ON, lease.job_id, lease.stage_id, duration)
        if row is None:
            return None
        await connection.execute(sql.CHARGE, lease.tenant_id, max(row["audio_samples"], LEAST_CHARGE))
        return await _work(connection, _lease(row), job)

    async def _add_sections(self, connection: Connection, job: Job, decoded: Decoded) -> None:
        rows = [(job.job_id, job.tenant_id, s.index, s.start, s.end) for s in decoded.sections]
        await connection.executemany(sql.KEEP_SECTION, rows)
        kinds = [(StageKind.TRANSCRIBE, channel) for channel in range(decoded.channels)]
        if job.config.diarization is not None:
            kinds.append((StageKind.DIARIZE, 0))
        stages = [
            (new_id(), job.job_id, kind, section.index, channel, section.end - section.start)
            for section in decoded.sections
            for kind, channel in kinds
        ]
        await connection.executemany(sql.ADD_STAGE, stages)

    async def _warn(self, connection: Connection, job: Job, decoded: Decoded) -> None:
        if decoded.warnings:
            await connection.execute(sql.ADD_WARNINGS, job.job_id, job_rows.WARNINGS.dump(decoded.warnings))
        for warning in decoded.warnings:
            await events.append_event(connection, job.job_id, EventKind.WARNING, events.warning(warning))

    async def _measure(self, connection: Connection, job: Job, lease: StageLease, seconds: float) -> None:
        model = job_rows.model_of(job, lease.kind)
        samples = await connection.fetchval(sql.STAGE_SAMPLES, lease.stage_id)
        if model is not None and samples and seconds > 0:
            await connection.execute(sql.KEEP_SPEED, lease.kind, model, seconds / (samples / SAMPLE_RATE))


async def _work(connection: Connection, lease: StageLease, job: Job) -> StageWork:
    rows = await connection.fetch(sql.SECTIONS, lease.job_id)
    return StageWork(lease, job, tuple(Section(*row) for row in rows))


async def _drop_attempt(connection: Connection, tenant_id: TenantId, job_id: JobId, token: LeaseToken) -> None:
    await connection.execute(sql.DROP_FOLDER, tenant_id, f"{pcm_prefix(tenant_id, job_id, token)}/")


async def _append_progress(connection: Connection, lease: StageLease) -> None:
    row = await connection.fetchrow(sql.STAGE_PROGRESS, lease.job_id, lease.kind)
    payload = events.stage_progress(StageProgress(lease.kind, *row))
    await events.append_event(connection, lease.job_id, EventKind.STAGE_PROGRESS, payload)


def _lease(row: Any) -> StageLease:
    return StageLease(
        stage_id=StageId(row["stage_id"]),
        job_id=JobId(row["job_id"]),
        tenant_id=TenantId(row["tenant_id"]),
        kind=StageKind(row["kind"]),
        section=row["section"],
        channel=row["channel"],
        attempts=row["attempts"],
        token=LeaseToken(row["lease_token"]),
        until=row["lease_until"],
        share=row["share"],
    )


def _finished(row: Any) -> FinishedStage:
    failure = failure_of(row) if row["state"] == StageState.DEAD else None
    return FinishedStage(StageKind(row["kind"]), row["section"], row["channel"], row["body"], failure)

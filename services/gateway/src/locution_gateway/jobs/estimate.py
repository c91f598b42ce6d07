"""Estimate a job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from locution_common.clock import Clock
from locution_speech.clock import SAMPLE_RATE

from locution_gateway.jobs.config import JobConfig, JobRequestConfig
from locution_gateway.jobs.configure import Configure
from locution_gateway.jobs.models import Backlog, StageKind
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.platform.ids import JobId
from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.postgres.quotas import PostgresQuotas


@dataclass(frozen=True, slots=True)
class Estimate:
    """A job's place in its tenant's queue, the audio ahead, its work and its end; None before any measurement.

    `quota` is its use of the tenant's audio quotas, `remaining` what the scarcer quota has left, None without quotas.
    """

    backlog: Backlog
    work: timedelta | None
    end_time: datetime | None
    quota: timedelta | None = None
    remaining: timedelta | None = None


class EstimateJob:
    """Estimates by the measured speed of models."""

    def __init__(
        self, jobs: PostgresJobs, configure: Configure, clock: Clock, quotas: PostgresQuotas | None = None
    ) -> None:
        self._quotas = quotas
        self._jobs = jobs
        self._configure = configure
        self._clock = clock

    async def existing(self, principal: Principal, job_id: JobId) -> Estimate:
        """Estimate an existing job. Refuses with JOB_NOT_FOUND."""
        job = await self._jobs.get(principal, job_id)
        if job.state.terminal:
            return Estimate(Backlog(0, 0), timedelta(), job.end_time)
        backlog = await self._jobs.backlog(principal, job)
        audio = None if job.audio_samples is None else timedelta(seconds=job.audio_samples / SAMPLE_RATE)
        estimate = await self._estimate(backlog, job.config, audio)
        return await self._charged(principal, estimate, None if audio is None else audio * (job.channels or 1))

    async def new(self, principal: Principal, audio: timedelta) -> Estimate:
        """Estimate a new job with this much audio and the default configuration. Refuses with the MODEL reasons."""
        configured = await self._configure.run(JobRequestConfig())
        backlog = await self._jobs.backlog(principal, None)
        return await self._charged(principal, await self._estimate(backlog, configured.config, audio), audio)

    async def _charged(self, principal: Principal, estimate: Estimate, quota: timedelta | None) -> Estimate:
        if self._quotas is None:
            return estimate
        limits, use = (await self._quotas.get(principal)).effective, await self._quotas.use(principal)
        spans = (
            (limits.audio_seconds_per_day, use.audio_samples_today),
            (limits.audio_seconds_per_month, use.audio_samples_this_month),
        )
        left = [limit - (used + use.audio_samples_pending) / SAMPLE_RATE for limit, used in spans if limit is not None]
        remaining = timedelta(seconds=max(0.0, min(left))) if left else None
        return replace(estimate, quota=quota, remaining=remaining)

    async def _estimate(self, backlog: Backlog, config: JobConfig, audio: timedelta | None) -> Estimate:
        speeds = await self._jobs.speeds(config)
        needed = [StageKind.TRANSCRIBE, *([StageKind.DIARIZE] if config.diarization else [])]
        if audio is None or any(kind.value not in speeds for kind in needed):
            return Estimate(backlog, None, None)
        factors = [speeds[kind.value] for kind in needed]
        before = timedelta(seconds=backlog.samples / SAMPLE_RATE)
        # The engines work in parallel, so the slower one determines the end.
        end = self._clock.now() + (before + audio) * max(factors)
        return Estimate(backlog, audio * sum(factors), end)

"""Say what a job would take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from locution_common.clock import Clock

from locution_gateway.core.jobs.configure import Configure
from locution_gateway.domain.config import JobConfig, JobRequestConfig
from locution_gateway.domain.identity import Principal
from locution_gateway.domain.jobs import SAMPLE_RATE, JobId, StageKind
from locution_gateway.domain.ports import Backlog, JobStore


@dataclass(frozen=True, slots=True)
class Estimate:
    """A job's place in its tenant's queue, the audio before it, its work and its end; None before any measurement."""

    backlog: Backlog
    work: timedelta | None
    end_time: datetime | None


class EstimateJob:
    """Estimates by the measured speed of models."""

    def __init__(self, jobs: JobStore, configure: Configure, clock: Clock) -> None:
        self._jobs = jobs
        self._configure = configure
        self._clock = clock

    async def existing(self, principal: Principal, job_id: JobId) -> Estimate:
        """Estimate a job that exists. Raises JobNotFoundError."""
        job = await self._jobs.get(principal, job_id)
        if job.state.terminal:
            return Estimate(Backlog(0, 0), timedelta(), job.end_time)
        backlog = await self._jobs.backlog(principal, job)
        audio = None if job.audio_samples is None else timedelta(seconds=job.audio_samples / SAMPLE_RATE)
        return await self._estimate(backlog, job.config, audio)

    async def new(self, principal: Principal, audio: timedelta) -> Estimate:
        """Estimate a new job of so much audio with the default configuration. Raises the MODEL errors."""
        configured = await self._configure.run(JobRequestConfig())
        backlog = await self._jobs.backlog(principal, None)
        return await self._estimate(backlog, configured.config, audio)

    async def _estimate(self, backlog: Backlog, config: JobConfig, audio: timedelta | None) -> Estimate:
        speeds = await self._jobs.speeds(config)
        needed = [StageKind.TRANSCRIBE, *([StageKind.DIARIZE] if config.diarization else [])]
        if audio is None or any(kind.value not in speeds for kind in needed):
            return Estimate(backlog, None, None)
        factors = [speeds[kind.value] for kind in needed]
        before = timedelta(seconds=backlog.samples / SAMPLE_RATE)
        # The engines work side by side, so the slower one says when the job ends.
        end = self._clock.now() + (before + audio) * max(factors)
        return Estimate(backlog, audio * sum(factors), end)

"""Create a job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from locution_common.clock import Clock

from locution_gateway.jobs.config import JobRequestConfig
from locution_gateway.jobs.configure import Configure, Configured
from locution_gateway.jobs.defaults import Defaults
from locution_gateway.jobs.models import Job, JobState, NewJob
from locution_gateway.jobs.ports import VoiceChooser
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import JobId, UploadId, new_id
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.requests import RequestKey


@dataclass(frozen=True, slots=True)
class JobDraft:
    """A new job; `paid_samples`, from the recording's start, were charged to the live session that becomes this job.

    Only one that is checked and not created may lack an upload.
    """

    upload_id: UploadId | None
    config: JobRequestConfig
    display_name: str
    tags: tuple[str, ...]
    priority: int
    paid_samples: int | None = None


class CreateJob:
    """Creates a job whose models are resolved and whose configuration is frozen."""

    def __init__(
        self,
        jobs: PostgresJobs,
        configure: Configure,
        clock: Clock,
        trace: Callable[[], str],
        defaults: Defaults | None = None,
        voices: VoiceChooser | None = None,
    ) -> None:
        self._defaults = defaults
        self._voices = voices
        self._jobs = jobs
        self._configure = configure
        self._clock = clock
        self._trace = trace

    async def run(self, principal: Principal, draft: JobDraft, request: RequestKey | None) -> Job:
        """Create it once per request_id.

        Refuses with UPLOAD_NOT_FOUND, UPLOAD_STATE_CONFLICT, OPTION_UNSUPPORTED, VOICE_NOT_FOUND, REQUEST_ID_REUSED and
        the MODEL reasons.
        """
        require(principal, Role.MEMBER)
        before = None if request is None else await self._jobs.repeated(principal, request)
        if before is not None:
            return await self._jobs.get(principal, before)
        await self._jobs.check_upload(principal, draft.upload_id)
        configured = await self._configured(principal, draft.config)
        return await self._jobs.create(principal, self._new(draft, configured), request)

    async def check(self, principal: Principal, draft: JobDraft) -> Job:
        """Return the job that would be created. Refuses as `run` does, without an upload for its options only."""
        require(principal, Role.MEMBER)
        if draft.upload_id is not None:
            await self._jobs.check_upload(principal, draft.upload_id)
        configured = await self._configured(principal, draft.config)
        return self._preview(principal, self._new(draft, configured))

    async def _configured(self, principal: Principal, asked: JobRequestConfig) -> Configured:
        """Complete a request from the caller's preferences, the tenant's settings and the server's defaults."""
        if self._defaults is None:
            return await self._with_voices(principal, asked, await self._configure.run(asked))
        filled = await self._defaults.fill(principal, asked)
        configured = await self._configure.run(filled.config, filled.origins)
        return await self._with_voices(principal, filled.config, configured)

    async def _with_voices(self, principal: Principal, asked: JobRequestConfig, configured: Configured) -> Configured:
        if self._voices is None:
            return configured
        return replace(configured, config=await self._voices.run(principal, asked.diarization, configured.config))

    def _new(self, draft: JobDraft, configured: Configured) -> NewJob:
        return NewJob(
            job_id=JobId(new_id()),
            display_name=draft.display_name,
            upload_id=draft.upload_id,
            requested=draft.config,
            config=configured.config,
            tags=draft.tags,
            priority=draft.priority,
            warnings=configured.warnings,
            trace_context=self._trace(),
            paid_samples=draft.paid_samples,
        )

    def _preview(self, principal: Principal, job: NewJob) -> Job:
        return Job(
            job_id=job.job_id,
            tenant_id=principal.tenant_id,
            created_by=principal.subject,
            display_name=job.display_name,
            state=JobState.QUEUED,
            upload_id=job.upload_id,
            requested=job.requested,
            config=job.config,
            tags=job.tags,
            priority=job.priority,
            cancel_requested=False,
            retry_of=None,
            audio_samples=None,
            channels=None,
            pcm_key=None,
            warnings=job.warnings,
            error=None,
            metrics={},
            trace_context=job.trace_context,
            create_time=self._clock.now(),
            start_time=None,
            end_time=None,
            expire_time=None,
            version=0,
        )

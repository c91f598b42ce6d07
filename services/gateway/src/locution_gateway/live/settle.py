"""Settle an ended session: create a job from its audio, or delete it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import Final

from locution_gateway.jobs.config import Afterwards, DiarizationConfig, DiarizationRequest, JobRequestConfig
from locution_gateway.jobs.create import CreateJob, JobDraft
from locution_gateway.jobs.models import Job
from locution_gateway.live.attach import Attach
from locution_gateway.live.models import LiveId, LiveSession, LiveState
from locution_gateway.live.postgres import PostgresLive
from locution_gateway.media.models import AudioFormat, Encoding
from locution_gateway.platform.ids import UploadId
from locution_gateway.platform.principal import Principal, Role, system
from locution_gateway.platform.requests import RequestKey
from locution_gateway.platform.troubled import TroubledRows, Work
from locution_gateway.uploads.create import CreateUpload, UploadDraft
from locution_gateway.uploads.models import UploadState
from locution_gateway.uploads.write import Finish, WriteUpload

BATCH: Final = 20


class SettleLive:
    """Settles sessions; idempotent, because upload and job are created once per session."""

    def __init__(
        self,
        store: PostgresLive,
        attach: Attach,
        create: CreateUpload,
        write: WriteUpload,
        jobs: CreateJob,
        troubled: TroubledRows,
    ) -> None:
        self._store = store
        self._attach = attach
        self._create = create
        self._write = write
        self._jobs = jobs
        self._troubled = troubled

    async def run(self, principal: Principal, session_id: LiveId) -> LiveSession:
        """Settle an ENDING session. An ENDED one is returned unchanged."""
        session = await self._store.get(principal, session_id)
        if session.state is not LiveState.ENDING:
            return session
        upload_id, job_id = None, None
        if session.config.afterwards is Afterwards.JOB and session.kept:
            job = await self._job(principal, session, await self._upload(principal, session))
            upload_id, job_id = job.upload_id, job.job_id  # of a job that was there already, its own upload
        return await self._store.settle(principal, session_id, upload_id, job_id)

    async def reap(self) -> None:
        """End abandoned sessions, finish what another process began, delete old ones."""
        due = await self._store.due(BATCH)
        rows = [(tenant, session, partial(self._due, system(tenant), session)) for tenant, session in due]
        await self._troubled.attempt(Work.SETTLE_LIVE, rows)

    async def _due(self, principal: Principal, session_id: LiveId) -> None:
        session = await self._store.expire(principal, session_id)
        if session is not None:
            await self.run(Principal(session.tenant_id, session.created_by, Role.MEMBER), session_id)

    async def _upload(self, principal: Principal, session: LiveSession) -> UploadId:
        size = session.kept * session.config.encoding.unit
        draft = UploadDraft(session.display_name or f"live {session.session_id}", "", size, None)
        # Not "CreateUpload": the uploads that earlier versions began under this name may hold audio twice.
        upload = await self._create.run(principal, draft, _once("WriteAudio", session))
        if upload.state is UploadState.WRITING:
            pieces = self._pieces(principal, session, upload.committed_bytes)
            await self._write.run(principal, upload.upload_id, upload.committed_bytes, pieces)
        return upload.upload_id

    async def _pieces(self, principal: Principal, session: LiveSession, begin: int) -> AsyncIterator[bytes | Finish]:
        unit = session.config.encoding.unit
        offset, skipped = divmod(begin, unit)
        async for data in self._attach.audio(principal, session, offset):
            yield data[skipped:]
            skipped = 0
        yield Finish()

    async def _job(self, principal: Principal, session: LiveSession, upload_id: UploadId) -> Job:
        config = session.config
        asked = JobRequestConfig(
            language=config.language,
            asr_model=config.asr_model.path,
            prompt=config.prompt or None,
            hotwords=config.hotwords,
            audio_format=_format(session),
            diarization=_speakers(config.diarization),
        )
        draft = JobDraft(upload_id, asked, session.display_name, (), 0, paid_samples=session.done_sample)
        return await self._jobs.run(principal, draft, _once("CreateJob", session))


def _speakers(wanted: DiarizationConfig | None) -> DiarizationRequest:
    """Return the job's diarization options: those of the session, or the defaults of jobs."""
    if wanted is None:
        return DiarizationRequest()
    counts = (wanted.speaker_count, wanted.min_speaker_count, wanted.max_speaker_count)
    return DiarizationRequest(True, wanted.model.path, *counts)


def _format(session: LiveSession) -> AudioFormat | None:
    config = session.config
    if config.sample_rate is None:
        return None
    return AudioFormat(Encoding(config.encoding.value), config.sample_rate, 1)


def _once(method: str, session: LiveSession) -> RequestKey:
    """Return the key, which clients cannot send, that makes a session's upload and job unique across repeats."""
    return RequestKey(f"SettleLive/{method}", str(session.session_id), "")

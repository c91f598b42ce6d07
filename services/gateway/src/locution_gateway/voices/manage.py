"""Enrol, read, rename and delete voices."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from locution_common.errors import Reason, Refused
from locution_speech.clock import SAMPLE_RATE

from locution_gateway.jobs.models import JobState
from locution_gateway.models.models import ModelChoice
from locution_gateway.platform.authorise import require
from locution_gateway.platform.ids import JobId, VoiceId, new_id
from locution_gateway.platform.listing import PageQuery
from locution_gateway.platform.masks import masked
from locution_gateway.platform.pages import Binding, page_size
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.requests import RequestKey
from locution_gateway.voices.models import Embedding, NewVoice, Sample, Voice, VoiceChange
from locution_gateway.voices.postgres import PostgresVoices

LEAST_SPEECH: Final = 5 * SAMPLE_RATE
"""Minimum samples of speech of a voice."""


class ManageVoices:
    """Manages a tenant's voices."""

    def __init__(self, voices: PostgresVoices, limit: int) -> None:
        """Allow at most `limit` voices per tenant."""
        self._voices = voices
        self._limit = limit

    async def create(
        self, principal: Principal, display_name: str, job_id: JobId, speaker: str, request: RequestKey | None
    ) -> Voice:
        """Enrol a speaker of a job, once per request_id.

        Refuses with JOB_NOT_FOUND, VOICE_SAMPLE_UNUSABLE, QUOTA_EXCEEDED, REQUEST_ID_REUSED.
        """
        require(principal, Role.MEMBER)
        before = None if request is None else await self._voices.repeated(principal, request)
        if before is not None:
            return await self._voices.get(principal, before)
        model, embedding = usable(await self._voices.sample(principal, job_id, speaker), speaker)
        voice = NewVoice(VoiceId(new_id()), display_name, model, embedding, self._limit)
        return await self._voices.create(principal, voice, request)

    async def get(self, principal: Principal, voice_id: VoiceId) -> Voice:
        """Read one. Refuses with VOICE_NOT_FOUND."""
        return await self._voices.get(principal, voice_id)

    async def list(self, principal: Principal, size: int, token: str) -> tuple[tuple[Voice, ...], str]:
        """Read a page, newest first, and the token of the next. Refuses with PAGE_TOKEN_INVALID."""
        binding = Binding(principal, "voices")
        page = await self._voices.list(principal, PageQuery(page_size(size), after=binding.position(token)))
        return page.rows, binding.token(page.last)

    async def update(
        self, principal: Principal, voice_id: VoiceId, version: int | None, mask: Iterable[str], values: VoiceChange
    ) -> Voice:
        """Set the fields of the mask. Refuses with VOICE_NOT_FOUND, UPDATE_MASK_INVALID, ETAG_MISMATCH."""
        require(principal, Role.MEMBER)
        return await self._voices.update(principal, voice_id, version, masked(mask, values, VoiceChange()))

    async def delete(self, principal: Principal, voice_id: VoiceId, version: int | None) -> None:
        """Delete one. Refuses with VOICE_NOT_FOUND, ETAG_MISMATCH."""
        require(principal, Role.MEMBER)
        await self._voices.delete(principal, voice_id, version)


def _unusable(why: str) -> Refused:
    return Refused(Reason.VOICE_SAMPLE_UNUSABLE, f"the speaker cannot be enrolled: {why}")


def usable(sample: Sample, speaker: str) -> tuple[ModelChoice, Embedding]:
    """Return the model and the voice of a sample. Refuses with VOICE_SAMPLE_UNUSABLE and what is missing."""
    if sample.state != JobState.SUCCEEDED:
        raise _unusable(f"the job is {sample.state}, and has no transcript")
    if sample.model is None:
        raise _unusable("the job told no speakers apart")
    if sample.speech_samples is None:
        raise _unusable(f"the transcript has no {speaker}")
    if not sample.embedding:
        raise _unusable("the job was made by a release that kept no voices: make it again")
    if sample.speech_samples < LEAST_SPEECH:
        seconds, needed = sample.speech_samples / SAMPLE_RATE, LEAST_SPEECH // SAMPLE_RATE
        raise _unusable(f"{speaker} speaks for {seconds:.1f} s of the {needed} s needed")
    return sample.model, sample.embedding

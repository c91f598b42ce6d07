"""What voices need of the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from locution_gateway.platform.ids import JobId, VoiceId
from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.principal import Principal, TenantId
from locution_gateway.platform.requests import RequestKey
from locution_gateway.voices.models import KnownVoice, NewVoice, Sample, Voice, VoiceChange


class VoiceStore(Protocol):
    """Voices of a tenant. Absent and foreign raise VOICE_NOT_FOUND alike."""

    async def sample(self, principal: Principal, job_id: JobId, speaker: str) -> Sample:
        """Read what is kept of a job's speaker. Refused with JOB_NOT_FOUND."""

    async def create(self, principal: Principal, voice: NewVoice, request: RequestKey | None) -> Voice:
        """Create it once for a request. Refused with QUOTA_EXCEEDED, REQUEST_ID_REUSED."""

    async def repeated(self, principal: Principal, request: RequestKey) -> VoiceId | None:
        """Return the voice that the same request made. Refused with REQUEST_ID_REUSED."""

    async def get(self, principal: Principal, voice_id: VoiceId) -> Voice:
        """Read one."""

    async def list(self, principal: Principal, query: PageQuery) -> Page[Voice]:
        """Read a page."""

    async def update(self, principal: Principal, voice_id: VoiceId, version: int | None, change: VoiceChange) -> Voice:
        """Change it. Refused with ETAG_MISMATCH."""

    async def delete(self, principal: Principal, voice_id: VoiceId, version: int | None) -> None:
        """Delete it. Refused with ETAG_MISMATCH."""

    async def checksums(self, principal: Principal) -> Mapping[VoiceId, str]:
        """Return all voices of the tenant in the order of their ids, with the weights that made them."""


class VoiceBook(Protocol):
    """Voices as the worker compares them."""

    async def known(self, tenant_id: TenantId, voices: Sequence[VoiceId], checksum: str) -> Sequence[KnownVoice]:
        """Return those of these voices that exist now and are of this weight, in the order of their ids."""

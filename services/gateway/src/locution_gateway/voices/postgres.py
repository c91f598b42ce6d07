"""Voices in Postgres."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection

from locution_gateway.models.models import ModelChoice
from locution_gateway.platform import requests
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import JobId, VoiceId
from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.lists import Listing, newest_first
from locution_gateway.platform.principal import Principal, TenantId, system
from locution_gateway.platform.requests import RequestKey
from locution_gateway.quotas.models import quota_exceeded
from locution_gateway.voices import sql
from locution_gateway.voices.clusterings import load_clustering
from locution_gateway.voices.models import Embedding, KnownVoice, NewVoice, Sample, Voice, VoiceChange


class PostgresVoices:
    """Voices of a tenant. Absent ones and those of other tenants are refused with VOICE_NOT_FOUND."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def sample(self, principal: Principal, job_id: JobId, speaker: str) -> Sample:
        """Read the stored data of a job's speaker. Refuses with JOB_NOT_FOUND."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(sql.SAMPLE, job_id, principal.tenant_id, speaker)
        if row is None:
            raise Refused(Reason.JOB_NOT_FOUND)
        model = None if row["model"] is None else ModelChoice(**row["model"])
        return Sample(row["state"], model, row["speech_samples"], _embedding(row["clustering"], speaker))

    async def repeated(self, principal: Principal, request: RequestKey) -> VoiceId | None:
        """Return the voice of an earlier identical request. Refuses with REQUEST_ID_REUSED."""
        async with self._database.transaction(principal) as connection:
            found = await requests.find(connection, principal, request)
        return None if found is None else VoiceId(found)

    async def create(self, principal: Principal, voice: NewVoice, request: RequestKey | None) -> Voice:
        """Create it once per request_id. Refuses with QUOTA_EXCEEDED, REQUEST_ID_REUSED."""
        async with self._database.transaction(principal) as connection:
            before = await requests.claim(connection, principal, request, voice.voice_id)
            if before is None:
                await _insert(connection, principal, voice)
            return await _get(connection, principal, voice.voice_id if before is None else VoiceId(before))

    async def get(self, principal: Principal, voice_id: VoiceId) -> Voice:
        """Read one."""
        async with self._database.transaction(principal) as connection:
            return await _get(connection, principal, voice_id)

    async def list(self, principal: Principal, query: PageQuery) -> Page[Voice]:
        """Read a page."""
        return await LISTING.page(self._database, principal, query)

    async def update(self, principal: Principal, voice_id: VoiceId, version: int | None, change: VoiceChange) -> Voice:
        """Change it. Refuses with ETAG_MISMATCH."""
        async with self._database.transaction(principal) as connection:
            await _lock(connection, principal, voice_id, version)
            await connection.execute(sql.UPDATE, voice_id, principal.tenant_id, change.display_name)
            return await _get(connection, principal, voice_id)

    async def delete(self, principal: Principal, voice_id: VoiceId, version: int | None) -> None:
        """Delete it. Refuses with ETAG_MISMATCH."""
        async with self._database.transaction(principal) as connection:
            await _lock(connection, principal, voice_id, version)
            await connection.execute(sql.DELETE, voice_id, principal.tenant_id)

    async def checksums(self, principal: Principal) -> Mapping[VoiceId, str]:
        """Return all voices of the tenant ordered by id, with their models."""
        async with self._database.transaction(principal) as connection:
            rows = await connection.fetch(sql.CHECKSUMS, principal.tenant_id)
        return {VoiceId(row["voice_id"]): row["checksum"] for row in rows}

    async def known(self, tenant_id: TenantId, voices: Sequence[VoiceId], checksum: str) -> Sequence[KnownVoice]:
        """Return those of these voices that exist and belong to this model, ordered by id."""
        async with self._database.transaction(system(tenant_id)) as connection:
            rows = await connection.fetch(sql.KNOWN, tenant_id, list(voices), checksum)
        return [KnownVoice(VoiceId(row["voice_id"]), row["display_name"], tuple(row["embedding"])) for row in rows]


def _embedding(clustering: bytes | None, speaker: str) -> Embedding | None:
    """Return the voice of a speaker, whose label ends in its number."""
    voices = () if clustering is None else load_clustering(clustering).centroids
    number = int(speaker.rpartition("_")[2])
    return voices[number] if number < len(voices) else None


async def _insert(connection: Connection, principal: Principal, voice: NewVoice) -> None:
    await connection.execute(sql.TURN, str(principal.tenant_id))
    if await connection.fetchval(sql.COUNT, principal.tenant_id) >= voice.limit:
        raise quota_exceeded("voices", f"{voice.limit} voices")
    await connection.execute(
        sql.CREATE,
        voice.voice_id,
        principal.tenant_id,
        principal.subject,
        voice.display_name,
        voice.model.path,
        voice.model.checksum,
        list(voice.embedding),
    )


async def _get(connection: Connection, principal: Principal, voice_id: VoiceId) -> Voice:
    row = await connection.fetchrow(sql.GET, voice_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.VOICE_NOT_FOUND)
    return _voice(row)


async def _lock(connection: Connection, principal: Principal, voice_id: VoiceId, version: int | None) -> None:
    current = await connection.fetchval(sql.LOCK, voice_id, principal.tenant_id)
    if current is None:
        raise Refused(Reason.VOICE_NOT_FOUND)
    if version not in (None, current):
        raise Refused(Reason.ETAG_MISMATCH)


def _voice(row: Mapping[str, Any]) -> Voice:
    return Voice(
        voice_id=VoiceId(row["voice_id"]),
        created_by=row["created_by"],
        display_name=row["display_name"],
        model=ModelChoice(row["model"], row["checksum"]),
        create_time=row["create_time"],
        version=row["version"],
    )


LISTING: Final = Listing(sql.SELECT, "k", "voice_id", _voice, newest_first("k"))

"""Live sessions in Postgres."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection
from locution_speech.asr import EngineSizes
from locution_speech.speakers import SpeakerCentroid
from pydantic import TypeAdapter

from locution_gateway.jobs.config import Afterwards
from locution_gateway.live import sql
from locution_gateway.live.models import (
    FINISHED,
    LiveChunk,
    LiveConfig,
    LiveEncoding,
    LiveFinal,
    LiveId,
    LiveSession,
    LiveState,
    NewLive,
)
from locution_gateway.live.speakers import LiveSection
from locution_gateway.models.models import ModelChoice
from locution_gateway.platform.codec import Codec
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import JobId, UploadId
from locution_gateway.platform.listing import Column, Kind, Page, PageQuery
from locution_gateway.platform.lists import Listing
from locution_gateway.platform.principal import Principal, TenantId
from locution_gateway.quotas.postgres.guard import QuotaGuard

LISTED: Final[Mapping[str, Column]] = {
    "create_time": Column("s.create_time", Kind.TIME),
    "display_name": Column("s.display_name", Kind.TEXT),
    "state": Column("s.state", Kind.STATE, frozenset(LiveState)),
}
SETTLE_PAUSE: Final = timedelta(seconds=60)
"""How long a process may be silent while it settles a session, before another one tries."""

CONFIG: Final = Codec(TypeAdapter(LiveConfig))
FINAL: Final = Codec(TypeAdapter(LiveFinal), drop_defaults=True)
SIZES: Final = Codec(TypeAdapter(EngineSizes))
CENTROIDS: Final = Codec(TypeAdapter(tuple[SpeakerCentroid, ...]))


class PostgresLive:
    """Sessions of a tenant. Absent ones and those of other tenants are refused with LIVE_SESSION_NOT_FOUND.

    Writes of an owner that lost the session are refused with LIVE_SESSION_TAKEN_OVER or LIVE_SESSION_ENDED.
    """

    def __init__(
        self, database: TenantDatabase, lease: timedelta, resume: timedelta, retention: timedelta, guard: QuotaGuard
    ) -> None:
        self._database = database
        self._guard = guard
        self._lease = lease
        self._resume = resume
        self._retention = retention

    async def create(self, principal: Principal, new: NewLive) -> LiveSession:
        """Create a session owned by its stream, within the tenant's quotas of audio."""
        async with self._database.transaction(principal) as connection:
            await self._guard.live(connection, principal)
            await connection.execute(
                sql.CREATE,
                new.session_id,
                principal.tenant_id,
                principal.subject,
                new.display_name,
                CONFIG.dump(new.config),
                new.token_hash,
                new.owner,
                self._lease,
                new.trace_context,
                self._resume,
            )
            return await _get(connection, principal, new.session_id)

    async def resume(
        self, principal: Principal, session_id: LiveId, shown: bytes, fresh: bytes, owner: UUID
    ) -> LiveSession:
        """Give a session to another stream with a new token; one that its client finished is returned unchanged.

        Refuses with LIVE_TOKEN_INVALID, LIVE_SESSION_ENDED.
        """
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(sql.LOCK, session_id, principal.tenant_id)
            if row is None:
                raise Refused(Reason.LIVE_SESSION_NOT_FOUND)
            if not any(
                known and hmac.compare_digest(shown, known) for known in (row["token_hash"], row["previous_hash"])
            ):
                raise Refused(Reason.LIVE_TOKEN_INVALID)
            if row["end_reason"] == FINISHED:
                return await _get(connection, principal, session_id)
            if row["state"] != LiveState.OPEN:
                raise Refused(Reason.LIVE_SESSION_ENDED)
            await connection.execute(
                sql.RESUME, session_id, principal.tenant_id, owner, self._lease, self._resume, shown, fresh
            )
            return await _get(connection, principal, session_id)

    async def renew(self, principal: Principal, session_id: LiveId, owner: UUID, heard: int) -> None:
        """Renew the hold on a session, and record up to which sample an engine has heard it."""
        await self._owned(principal, session_id, sql.RENEW, owner, self._lease, self._resume, heard)

    async def keep(self, principal: Principal, session_id: LiveId, owner: UUID, chunk: LiveChunk, samples: int) -> None:
        """Record stored audio, and invalidate the resume token before the last; a repeat changes nothing."""
        row = (session_id, principal.tenant_id)
        async with self._database.transaction(principal) as connection:
            if await connection.fetchval(sql.KEEP, *row, owner, chunk.start, chunk.end, chunk.key, samples) is not None:
                return
            if await connection.fetchval(sql.KEPT, *row, chunk.start, chunk.key) is None:
                raise await _lost(connection, principal, session_id)

    async def add_final(
        self, principal: Principal, session_id: LiveId, owner: UUID, final: LiveFinal, language: str | None
    ) -> None:
        """Store a final; all audio before its end is done."""
        body = FINAL.dump(final)
        await self._owned(principal, session_id, sql.ADD_FINAL, owner, final.final_id, final.end, body, language)

    async def label(self, principal: Principal, session_id: LiveId, owner: UUID, final: LiveFinal) -> None:
        """Replace a final by the same final with speakers."""
        await self._owned(principal, session_id, sql.LABEL, owner, final.final_id, FINAL.dump(final))

    async def add_section(self, principal: Principal, session_id: LiveId, owner: UUID, section: LiveSection) -> None:
        """Store the diarizer's result for a final's audio, replacing an earlier one."""
        values = (section.final_id, section.start, section.key, CENTROIDS.dump(section.centroids))
        await self._owned(principal, session_id, sql.ADD_SECTION, owner, *values)

    async def sections(self, principal: Principal, session_id: LiveId, after: int, limit: int) -> Sequence[LiveSection]:
        """Return up to `limit` diarized finals after an id, in order."""
        async with self._database.transaction(principal) as connection:
            rows = await connection.fetch(sql.SECTIONS, session_id, principal.tenant_id, after, limit)
        return [_section(row) for row in rows]

    async def progress(self, principal: Principal, session_id: LiveId, owner: UUID, done: int) -> None:
        """Record that all audio before a sample is done."""
        await self._owned(principal, session_id, sql.PROGRESS, owner, done)

    async def change(self, principal: Principal, session_id: LiveId, owner: UUID, config: LiveConfig) -> None:
        """Store a changed configuration."""
        await self._owned(principal, session_id, sql.CHANGE, owner, CONFIG.dump(config))

    async def heard_by(self, principal: Principal, session_id: LiveId, owner: UUID, engine: EngineSizes) -> None:
        """Store the sizes of the current engine."""
        await self._owned(principal, session_id, sql.HEARD_BY, owner, SIZES.dump(engine))

    async def detach(self, principal: Principal, session_id: LiveId, owner: UUID, heard: int) -> None:
        """Release a session that was heard up to a sample; does nothing if the owner has lost it."""
        async with self._database.transaction(principal) as connection:
            await connection.execute(sql.DETACH, session_id, principal.tenant_id, owner, self._resume, heard)

    async def end(self, principal: Principal, session_id: LiveId, owner: UUID | None, reason: str) -> LiveSession:
        """Make it ENDING. An ended session does not change. Without an owner it is taken from its stream."""
        async with self._database.transaction(principal) as connection:
            await connection.execute(sql.END, session_id, principal.tenant_id, reason, SETTLE_PAUSE, owner)
            session = await _get(connection, principal, session_id)
        if session.state is LiveState.OPEN:
            raise Refused(Reason.LIVE_SESSION_TAKEN_OVER)
        return session

    async def settle(
        self, principal: Principal, session_id: LiveId, upload_id: UploadId | None, job_id: JobId | None
    ) -> LiveSession:
        """Make an ENDING session ENDED, and delete its audio and finals."""
        async with self._database.transaction(principal) as connection:
            await connection.execute(sql.SETTLE, session_id, principal.tenant_id, upload_id, job_id, self._retention)
            await connection.execute(sql.DROP_CHUNKS, session_id, principal.tenant_id)
            await connection.execute(sql.DROP_FINALS, session_id, principal.tenant_id)
            await connection.execute(sql.DROP_SECTIONS, session_id, principal.tenant_id)
            return await _get(connection, principal, session_id)

    async def finals(self, principal: Principal, session_id: LiveId, after: int, limit: int) -> Sequence[LiveFinal]:
        """Return up to `limit` finals after an id."""
        async with self._database.transaction(principal) as connection:
            rows = await connection.fetch(sql.FINALS, session_id, principal.tenant_id, after, limit)
        return [FINAL.load(row["body"]) for row in rows]

    async def chunks(self, principal: Principal, session_id: LiveId, after: int, limit: int) -> Sequence[LiveChunk]:
        """Return up to `limit` chunks that end after an offset, in order."""
        async with self._database.transaction(principal) as connection:
            rows = await connection.fetch(sql.CHUNKS, session_id, principal.tenant_id, after, limit)
        return [LiveChunk(*row) for row in rows]

    async def get(self, principal: Principal, session_id: LiveId) -> LiveSession:
        """Read one."""
        async with self._database.transaction(principal) as connection:
            return await _get(connection, principal, session_id)

    async def list(self, principal: Principal, query: PageQuery) -> Page[LiveSession]:
        """Read a page."""
        return await LISTING.page(self._database, principal, query)

    async def due(self, limit: int) -> Sequence[tuple[TenantId, LiveId]]:
        """Return due sessions of all tenants."""
        async with self._database.across_tenants() as connection:
            rows = await connection.fetch(sql.DUE, limit)
        return [(TenantId(tenant), LiveId(session)) for tenant, session in rows]

    async def expire(self, principal: Principal, session_id: LiveId) -> LiveSession | None:
        """Act on a due session: end an OPEN one, claim an ENDING one, delete an ENDED one.

        Returns the session if it must be settled now.
        """
        key = (session_id, principal.tenant_id)
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(sql.OVER, *key)
            if row is None:
                return None
            if row["state"] == LiveState.ENDED:
                await connection.execute(sql.FORGET, *key)
                return None
            await connection.execute(sql.GIVE_UP if row["state"] == LiveState.OPEN else sql.CLAIM, *key, SETTLE_PAUSE)
            return await _get(connection, principal, session_id)

    async def _owned(
        self, principal: Principal, session_id: LiveId, statement: str, owner: UUID, *values: object
    ) -> None:
        async with self._database.transaction(principal) as connection:
            if await connection.fetchval(statement, session_id, principal.tenant_id, owner, *values) is None:
                raise await _lost(connection, principal, session_id)


async def _lost(connection: Connection, principal: Principal, session_id: LiveId) -> Refused:
    session = await _get(connection, principal, session_id)
    return Refused(Reason.LIVE_SESSION_TAKEN_OVER if session.state is LiveState.OPEN else Reason.LIVE_SESSION_ENDED)


async def _get(connection: Connection, principal: Principal, session_id: LiveId) -> LiveSession:
    row = await connection.fetchrow(sql.GET, session_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.LIVE_SESSION_NOT_FOUND)
    return session_of(row)


def shown_session(row: Mapping[str, Any]) -> LiveSession:
    """Return the session of a row for a list: an unreadable one without its options, and with ROW_UNREADABLE."""
    try:
        return session_of(row)
    except Refused as error:
        return session_of({**row, "config": NO_CONFIG, "engine_sizes": None, "end_reason": error.reason})


def session_of(row: Mapping[str, Any]) -> LiveSession:
    """Return the session of a row. Refuses with ROW_UNREADABLE."""
    return LiveSession(
        session_id=LiveId(row["session_id"]),
        tenant_id=TenantId(row["tenant_id"]),
        created_by=row["created_by"],
        display_name=row["display_name"],
        state=LiveState(row["state"]),
        config=CONFIG.load(row["config"]),
        attached=row["attached"],
        kept=row["kept"],
        audio_samples=row["audio_samples"],
        done_sample=row["done_sample"],
        last_final=row["last_final"],
        heard_language=row["heard_language"],
        end_reason=row["end_reason"],
        upload_id=None if row["upload_id"] is None else UploadId(row["upload_id"]),
        job_id=None if row["job_id"] is None else JobId(row["job_id"]),
        trace_context=row["trace_context"],
        create_time=row["create_time"],
        end_time=row["end_time"],
        expire_time=row["expire_time"],
        engine=None if row["engine_sizes"] is None else SIZES.load(row["engine_sizes"]),
    )


def _section(row: Mapping[str, Any]) -> LiveSection:
    return LiveSection(row["final_id"], row["start_sample"], row["object_key"], CENTROIDS.load(row["centroids"]))


NO_CONFIG: Final = CONFIG.dump(LiveConfig(LiveEncoding.PCM_S16LE, "", ModelChoice("", ""), 0, Afterwards.DELETE))
LISTING: Final = Listing(sql.SELECT, "s", "session_id", shown_session, LISTED)

"""Uploads in Postgres."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection

from locution_gateway.platform import requests
from locution_gateway.platform.codec import stored_reason
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.ids import UploadId, new_id
from locution_gateway.platform.listing import Column, Kind, Page, PageQuery
from locution_gateway.platform.lists import Listing
from locution_gateway.platform.principal import Principal, TenantId
from locution_gateway.platform.requests import RequestKey
from locution_gateway.quotas.models import Limits
from locution_gateway.quotas.postgres.guard import QuotaGuard
from locution_gateway.uploads import keys, sql
from locution_gateway.uploads.models import (
    NewUpload,
    Seal,
    StoredObject,
    Tail,
    Upload,
    UploadFault,
    UploadPart,
    UploadState,
    WriteMode,
    Written,
    too_large,
)
from locution_gateway.uploads.ports import UploadJobs

# Longer than a put with all its retries, and shorter than the five minutes after which nothing may be orphaned.
LATE_WRITES: Final = timedelta(minutes=4)

COLUMNS: Final[Mapping[str, Column]] = {
    "create_time": Column("u.create_time", Kind.TIME),
    "display_name": Column("u.display_name", Kind.TEXT),
    "state": Column("u.state", Kind.STATE, frozenset(UploadState)),
}


class PostgresUploads:
    """Uploads of a tenant. Absent ones and those of other tenants are refused with UPLOAD_NOT_FOUND.

    A stream's writes name its token. After another stream took over they change nothing: UPLOAD_WRITER_REPLACED.
    """

    def __init__(self, database: TenantDatabase, jobs: UploadJobs, guard: QuotaGuard | None = None) -> None:
        self._database = database
        self._jobs = jobs
        self._guard = guard or QuotaGuard(Limits())

    async def create(self, principal: Principal, upload: NewUpload, request: RequestKey | None) -> Upload:
        """Create it once per request_id. Refuses with QUOTA_EXCEEDED, REQUEST_ID_REUSED."""
        async with self._database.transaction(principal) as connection:
            before = await requests.claim(connection, principal, request, upload.upload_id)
            if before is not None:
                return await _get(connection, principal, UploadId(before))
            await self._guard.upload(connection, principal, upload.stated_size, upload.open_limit)
            await _insert(connection, principal, upload)
            return await _get(connection, principal, upload.upload_id)

    async def get(self, principal: Principal, upload_id: UploadId) -> Upload:
        """Read one."""
        async with self._database.transaction(principal) as connection:
            return await _get(connection, principal, upload_id)

    async def list(self, principal: Principal, query: PageQuery) -> Page[Upload]:
        """Read a page."""
        return await LISTING.page(self._database, principal, query)

    async def begin_stream(self, principal: Principal, upload_id: UploadId, offset: int, token: UUID) -> Written:
        """Make the stream of `token` the writer. Refuses with UPLOAD_STATE_CONFLICT, UPLOAD_OFFSET_MISMATCH."""
        async with self._database.transaction(principal) as connection:
            row = await _lock(connection, principal, upload_id)
            upload = _writable(row)
            if upload.write_mode is WriteMode.PARTS:
                raise Refused(Reason.UPLOAD_STATE_CONFLICT, "this upload is sent in parts to presigned URLs")
            if offset != upload.committed_bytes:
                message = f"the write starts at {offset}, but {upload.committed_bytes} bytes are committed"
                metadata = {"committed_offset": str(upload.committed_bytes)}
                raise Refused(Reason.UPLOAD_OFFSET_MISMATCH, message, metadata=metadata)
            await connection.execute(sql.BEGIN_STREAM, upload_id, principal.tenant_id, token)
            return await _written(connection, row)

    async def begin_multipart(
        self, principal: Principal, upload_id: UploadId, token: UUID | None, multipart_id: str
    ) -> str:
        """Store the id of a multipart upload unless there is one, and return the valid one.

        Without a token, the upload is sent in presigned parts from now on.
        """
        async with self._database.transaction(principal) as connection:
            if token is None:
                kept = await connection.fetchval(
                    sql.BEGIN_PARTS_MULTIPART, upload_id, principal.tenant_id, multipart_id
                )
            else:
                kept = await connection.fetchval(
                    sql.BEGIN_STREAM_MULTIPART, upload_id, principal.tenant_id, token, multipart_id
                )
            if kept is None:
                raise await _refusal(connection, principal, upload_id, token)
        return str(kept)

    async def next_part(self, principal: Principal, upload_id: UploadId, token: UUID, size: int) -> int:
        """Reserve a part number of `size` bytes for this stream only. Refuses with QUOTA_EXCEEDED."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(sql.NEXT_PART, upload_id, principal.tenant_id, token)
            if row is None:
                raise await _refusal(connection, principal, upload_id, token)
            if row["stated_size"] is None:
                await self._guard.stored(connection, principal, size - row["tail_bytes"])
        return int(row["number"])

    async def commit_part(
        self, principal: Principal, upload_id: UploadId, token: UUID, part: UploadPart, idle: timedelta
    ) -> int:
        """Record a stored part, which includes the tail; return the committed bytes.

        Refuses with QUOTA_EXCEEDED: an upload of unstated size is counted as it grows.
        """
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(
                sql.COMMIT_PART, upload_id, principal.tenant_id, token, part.number, part.size, part.etag, idle
            )
            return await self._counted(connection, principal, upload_id, token, row)

    async def commit_tail(
        self, principal: Principal, upload_id: UploadId, token: UUID, tail: Tail, idle: timedelta
    ) -> int:
        """Record a stored tail that replaces the previous one; return the committed bytes.

        Refuses with QUOTA_EXCEEDED, as commit_part does.
        """
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(
                sql.COMMIT_TAIL, upload_id, principal.tenant_id, token, tail.key, tail.size, idle
            )
            return await self._counted(connection, principal, upload_id, token, row)

    async def seal(self, principal: Principal, upload_id: UploadId, token: UUID | None, seal: Seal) -> Upload:
        """Complete the upload: VERIFYING. A sealed upload is returned unchanged.

        Refuses with UPLOAD_STATE_CONFLICT, UPLOAD_SIZE_MISMATCH, UPLOAD_DIGEST_MISMATCH, QUOTA_EXCEEDED.
        """
        async with self._database.transaction(principal) as connection:
            row = await _lock(connection, principal, upload_id)
            upload = upload_of(row)
            _check_digest(upload, seal.sha256)
            if upload.state in (UploadState.VERIFYING, UploadState.READY):
                return upload
            _writable(row)
            if token is not None and row["writer_token"] != token:
                raise Refused(Reason.UPLOAD_WRITER_REPLACED)
            await self._seal(connection, principal, row, seal)
            return await _get(connection, principal, upload_id)

    async def delete(self, principal: Principal, upload_id: UploadId, version: int | None) -> None:
        """Delete it with its bytes. Refuses with UPLOAD_STATE_CONFLICT, ETAG_MISMATCH."""
        async with self._database.transaction(principal) as connection:
            row = await _lock(connection, principal, upload_id)
            if version not in (None, row["version"]):
                raise Refused(Reason.ETAG_MISMATCH)
            if await self._jobs.waiting(connection, principal, upload_id):
                raise Refused(Reason.UPLOAD_STATE_CONFLICT, "a job still has to decode this upload")
            await _drop(connection, row)

    async def claim_verification(
        self, principal: Principal, upload_id: UploadId, token: UUID, lease: timedelta
    ) -> Written | None:
        """Lease the verification; None if another process holds it or there is nothing to verify."""
        async with self._database.transaction(principal) as connection:
            if not await connection.fetchval(sql.CLAIM_VERIFICATION, upload_id, principal.tenant_id, token, lease):
                return None
            row = await connection.fetchrow(sql.GET, upload_id, principal.tenant_id)
            return await _written(connection, row)

    async def renew_verification(
        self, principal: Principal, upload_id: UploadId, token: UUID, lease: timedelta
    ) -> bool:
        """Renew the lease, or release it with a length of zero; False if it was lost."""
        async with self._database.transaction(principal) as connection:
            held = await connection.fetchval(sql.RENEW_VERIFICATION, upload_id, principal.tenant_id, token, lease)
        return held is not None

    async def mark_ready(
        self, principal: Principal, upload_id: UploadId, token: UUID, stored: StoredObject, retention: timedelta
    ) -> None:
        """Make it READY, its bytes stored once per tenant, and start its jobs, unless the lease was lost."""
        async with self._database.transaction(principal) as connection:
            row = await _held(connection, principal, upload_id, token)
            if row is None:
                return
            object_id = await self._keep_object(connection, row, stored)
            await connection.execute(sql.MARK_READY, upload_id, principal.tenant_id, object_id, stored.size, retention)
            await connection.execute(sql.DROP_PARTS, upload_id, principal.tenant_id)
            await self._jobs.release(connection, principal, upload_id, object_id)
            folder = keys.folder(principal.tenant_id, upload_id)
            await connection.execute(sql.DROP_LATE, principal.tenant_id, folder, LATE_WRITES)

    async def mark_failed(
        self, principal: Principal, upload_id: UploadId, token: UUID, fault: UploadFault, retention: timedelta
    ) -> None:
        """Make it FAILED, delete its bytes, and fail its jobs, unless the lease was lost."""
        async with self._database.transaction(principal) as connection:
            row = await _held(connection, principal, upload_id, token)
            if row is not None:
                await _end(connection, row, UploadState.FAILED, fault.reason, retention)
                await self._jobs.fail(connection, principal, upload_id, fault.reason, fault.message)

    async def expire(self, principal: Principal, upload_id: UploadId, retention: timedelta) -> None:
        """Make an idle upload EXPIRED, or delete one whose retention has ended, unless a job still has to decode it."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(f"{sql.LOCK} SKIP LOCKED", upload_id, principal.tenant_id)
            if row is None or not await connection.fetchval("SELECT $1 < clock_timestamp()", row["expire_time"]):
                return
            if row["state"] == UploadState.WRITING:
                await _end(connection, row, UploadState.EXPIRED, None, retention)
            elif not await self._jobs.waiting(connection, principal, upload_id):
                await _drop(connection, row)

    async def _counted(
        self,
        connection: Connection,
        principal: Principal,
        upload_id: UploadId,
        token: UUID,
        row: Mapping[str, Any] | None,
    ) -> int:
        """Return the committed bytes; a stated size was checked when the upload was created."""
        if row is None:
            raise await _refusal(connection, principal, upload_id, token)
        if row["stated_size"] is None:
            await self._guard.stored(connection, principal)
        return int(row["committed_bytes"])

    async def _seal(self, connection: Connection, principal: Principal, row: Mapping[str, Any], seal: Seal) -> None:
        tail = seal.tail or (Tail(row["tail_key"], row["tail_bytes"]) if row["tail_key"] else None)
        if seal.parts and seal.tail is None:
            tail = None  # the last part holds it
        total = await _sealed_size(connection, row, seal, tail)
        if row["stated_size"] not in (None, total):
            raise Refused(Reason.UPLOAD_SIZE_MISMATCH, f"{total} bytes were sent instead of {row['stated_size']}")
        await _add_parts(connection, row, seal)
        dropped = row["tail_key"] if tail is None or tail.key != row["tail_key"] else None
        if dropped is not None:
            await connection.execute(sql.DROP_KEY, row["tenant_id"], dropped)
        key, size = (None, 0) if tail is None else (tail.key, tail.size)
        await connection.execute(sql.SEAL, row["upload_id"], row["tenant_id"], seal.sha256, total, key, size)
        if row["stated_size"] is None and total > row["committed_bytes"]:
            await self._guard.stored(connection, principal)

    async def _keep_object(self, connection: Connection, row: Mapping[str, Any], stored: StoredObject) -> UUID:
        """Return the tenant's one object with these bytes, and delete the other's."""
        object_id, key = await connection.fetchrow(
            sql.KEEP_OBJECT, new_id(), row["tenant_id"], row["created_by"], stored.key, stored.size, stored.sha256
        )
        if key != stored.key:
            await connection.execute(sql.DROP_KEY, row["tenant_id"], stored.key)
        return UUID(str(object_id))


def upload_of(row: Mapping[str, Any]) -> Upload:
    """Return the upload of a row."""
    return Upload(
        upload_id=UploadId(row["upload_id"]),
        tenant_id=TenantId(row["tenant_id"]),
        created_by=row["created_by"],
        display_name=row["display_name"],
        media_type=row["media_type"],
        state=UploadState(row["state"]),
        stated_size=row["stated_size"],
        stated_sha256=row["stated_sha256"],
        committed_bytes=row["committed_bytes"],
        write_mode=None if row["write_mode"] is None else WriteMode(row["write_mode"]),
        object_key=row["object_key"],
        multipart_id=row["multipart_id"],
        object_id=row["object_id"],
        size_bytes=row["size_bytes"],
        sha256=row["sha256"],
        error_reason=None if row["error_reason"] is None else stored_reason(row["error_reason"]),
        create_time=row["create_time"],
        update_time=row["update_time"],
        expire_time=row["expire_time"],
        version=row["version"],
    )


async def _get(connection: Connection, principal: Principal, upload_id: UploadId) -> Upload:
    row = await connection.fetchrow(sql.GET, upload_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.UPLOAD_NOT_FOUND)
    return upload_of(row)


async def _lock(connection: Connection, principal: Principal, upload_id: UploadId) -> Mapping[str, Any]:
    row: Mapping[str, Any] | None = await connection.fetchrow(sql.LOCK, upload_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.UPLOAD_NOT_FOUND)
    return row


async def _held(
    connection: Connection, principal: Principal, upload_id: UploadId, token: UUID
) -> Mapping[str, Any] | None:
    """Lock an upload whose verification is leased; None if it is not."""
    row: Mapping[str, Any] | None = await connection.fetchrow(sql.LOCK, upload_id, principal.tenant_id)
    held = row is not None and row["state"] == UploadState.VERIFYING and row["verify_token"] == token
    return row if held else None


async def _insert(connection: Connection, principal: Principal, upload: NewUpload) -> None:
    await connection.execute(
        sql.CREATE,
        upload.upload_id,
        principal.tenant_id,
        principal.subject,
        upload.display_name,
        upload.media_type,
        upload.stated_size,
        upload.stated_sha256,
        upload.object_key,
        upload.idle,
    )


async def _written(connection: Connection, row: Mapping[str, Any]) -> Written:
    rows = await connection.fetch(sql.PARTS, row["upload_id"], row["tenant_id"])
    parts = tuple(UploadPart(*part) for part in rows)
    return Written(upload_of(row), parts, row["tail_key"], row["tail_bytes"])


async def _sealed_size(connection: Connection, row: Mapping[str, Any], seal: Seal, tail: Tail | None) -> int:
    kept = 0 if row["write_mode"] == WriteMode.PARTS else row["committed_bytes"] - row["tail_bytes"]
    return int(kept) + sum(part.size for part in seal.parts) + (0 if tail is None else tail.size)


async def _add_parts(connection: Connection, row: Mapping[str, Any], seal: Seal) -> None:
    rows = [(row["upload_id"], row["tenant_id"], part.number, part.size, part.etag) for part in seal.parts]
    await connection.executemany(sql.ADD_PART, rows)


async def _end(
    connection: Connection, row: Mapping[str, Any], state: UploadState, reason: Reason | None, retention: timedelta
) -> None:
    """End an upload that is not READY, and delete its bytes."""
    await _drop_bytes(connection, row)
    await connection.execute(sql.DROP_PARTS, row["upload_id"], row["tenant_id"])
    await connection.execute(sql.MARK_ENDED, row["upload_id"], row["tenant_id"], state, reason, retention)


async def _drop(connection: Connection, row: Mapping[str, Any]) -> None:
    if row["state"] != UploadState.READY:  # the object of a READY one goes with its last reference
        await _drop_bytes(connection, row)
    await connection.execute(sql.DELETE, row["upload_id"], row["tenant_id"])


async def _drop_bytes(connection: Connection, row: Mapping[str, Any]) -> None:
    folder = keys.folder(TenantId(row["tenant_id"]), UploadId(row["upload_id"]))
    await connection.execute(sql.DROP_FOLDER, row["tenant_id"], folder, row["object_key"], row["multipart_id"])


def _writable(row: Mapping[str, Any]) -> Upload:
    upload = upload_of(row)
    if upload.state is not UploadState.WRITING:
        raise Refused(Reason.UPLOAD_STATE_CONFLICT, f"the upload is {upload.state.value}")
    return upload


def _check_digest(upload: Upload, sha256: str | None) -> None:
    known = upload.sha256 or upload.stated_sha256
    if sha256 is not None and known not in (None, sha256):
        raise Refused(Reason.UPLOAD_DIGEST_MISMATCH, "another SHA-256 was stated before")


async def _refusal(connection: Connection, principal: Principal, upload_id: UploadId, token: UUID | None) -> Exception:
    """Return why a writer's statement changed nothing."""
    row = await connection.fetchrow(sql.GET, upload_id, principal.tenant_id)
    if row is None:
        return Refused(Reason.UPLOAD_NOT_FOUND)
    if token is not None and row["writer_token"] == token and row["state"] == UploadState.WRITING:
        return too_large(10_000 * 8 * 1024 * 1024)
    if token is not None and row["state"] == UploadState.WRITING:
        return Refused(Reason.UPLOAD_WRITER_REPLACED)
    return Refused(
        Reason.UPLOAD_STATE_CONFLICT, f"the upload is {row['state']}, written by {row['write_mode'] or 'no stream'}"
    )


LISTING: Final = Listing(sql.SELECT, "u", "upload_id", upload_of, COLUMNS)

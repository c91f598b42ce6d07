"""API keys of a tenant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection

from locution_gateway.identity.models import ApiKey, KeyState, NewKey
from locution_gateway.platform import requests
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.lists import Listing, newest_first
from locution_gateway.platform.principal import Principal, Role, Scope, UserId
from locution_gateway.platform.requests import RequestKey
from locution_gateway.quotas.models import quota_exceeded

SELECT: Final = """
SELECT r.key_id, r.row_id, r.user_id, r.display_name, r.role, r.scopes, r.expire_time, r.last_use_time, r.rotated_from,
    r.created_by, r.create_time, r.parent_id,
    EXISTS (SELECT FROM gateway.api_keys p WHERE p.key_id = r.parent_id) AS parent_shown,
    CASE WHEN r.revoke_time IS NOT NULL THEN 'REVOKED'
        WHEN r.expire_time <= clock_timestamp() THEN 'EXPIRED' ELSE 'ACTIVE' END AS state
FROM gateway.api_keys r
"""
# A parent of another tenant, an operator's, is hidden by row level security: it is not shown.
GET: Final = f"{SELECT} WHERE r.key_id = $1 AND r.tenant_id = $2"
LOCK: Final = f"{GET} FOR UPDATE"
# Two concurrent calls must not both take the last free place.
LOCK_TENANT: Final = "SELECT pg_advisory_xact_lock(hashtextextended('locution-keys:' || $1, 0))"
COUNT_ACTIVE: Final = """
SELECT count(*) FROM gateway.api_keys
WHERE tenant_id = $1 AND revoke_time IS NULL AND (expire_time IS NULL OR expire_time > clock_timestamp())
"""
CREATE: Final = """
INSERT INTO gateway.api_keys (key_id, tenant_id, row_id, user_id, display_name, role, scopes, secret_hash, expire_time,
    rotated_from, created_by, parent_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
OUTLIVE: Final = """
UPDATE gateway.api_keys SET expire_time = least(expire_time, $3) WHERE key_id = $1 AND tenant_id = $2
"""
REVOKE: Final = """
UPDATE gateway.api_keys SET revoke_time = clock_timestamp(), revoked_by = $3
WHERE key_id = $1 AND tenant_id = $2 AND revoke_time IS NULL
"""


class PostgresApiKeys:
    """API keys of a tenant. Absent keys and those of other tenants are refused with API_KEY_NOT_FOUND."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def create(self, principal: Principal, key: NewKey, limit: int | None, request: RequestKey | None) -> ApiKey:
        """Create one. Refuses with QUOTA_EXCEEDED, REQUEST_ID_REUSED."""
        async with self._database.transaction(principal) as connection:
            if await requests.claim(connection, principal, request, key.row_id) is not None:
                raise Refused(Reason.REQUEST_ID_REUSED)
            await connection.execute(LOCK_TENANT, str(principal.tenant_id))
            if limit is not None and await connection.fetchval(COUNT_ACTIVE, principal.tenant_id) >= limit:
                raise quota_exceeded("api_keys", f"{limit} active keys")
            await _insert(connection, principal, key)
            return await _get(connection, principal, key.key_id)

    async def get(self, principal: Principal, key_id: str) -> ApiKey:
        """Read one."""
        async with self._database.transaction(principal) as connection:
            return await _get(connection, principal, key_id)

    async def list(self, principal: Principal, owner: Principal | None, query: PageQuery) -> Page[ApiKey]:
        """Read a page, newest first: of all keys, or of those of one principal."""
        chosen = LISTING.builder(principal)
        if owner is not None and owner.user_id is not None:
            chosen.where("r.user_id", "uuid", owner.user_id)
        elif owner is not None:
            chosen.where("r.created_by", "text", owner.subject)
        return await LISTING.page(self._database, principal, query, chosen)

    async def rotate(self, principal: Principal, old: str, key: NewKey, until: datetime) -> ApiKey:
        """Create a key and let the old one expire. Refuses with API_KEY_STATE_CONFLICT."""
        async with self._database.transaction(principal) as connection:
            row = await connection.fetchrow(LOCK, old, principal.tenant_id)
            if row is None:
                raise Refused(Reason.API_KEY_NOT_FOUND)
            if row["state"] != KeyState.ACTIVE:
                raise Refused(Reason.API_KEY_STATE_CONFLICT)
            await _insert(connection, principal, key)
            await connection.execute(OUTLIVE, old, principal.tenant_id, until)
            return await _get(connection, principal, key.key_id)

    async def revoke(self, principal: Principal, key_id: str) -> ApiKey:
        """Revoke one. A revoked key does not change."""
        async with self._database.transaction(principal) as connection:
            await connection.execute(REVOKE, key_id, principal.tenant_id, principal.subject)
            return await _get(connection, principal, key_id)


def key_of(row: Mapping[str, Any]) -> ApiKey:
    """Return the key of a row."""
    return ApiKey(
        key_id=row["key_id"],
        row_id=row["row_id"],
        user_id=None if row["user_id"] is None else UserId(row["user_id"]),
        display_name=row["display_name"],
        role=Role(row["role"]),
        scopes=frozenset(map(Scope, row["scopes"])),
        expire_time=row["expire_time"],
        state=KeyState(row["state"]),
        last_use_time=row["last_use_time"],
        rotated_from=row["rotated_from"],
        created_by=row["created_by"],
        create_time=row["create_time"],
        parent_id=row["parent_id"],
        parent_shown=row["parent_shown"],
    )


async def _insert(connection: Connection, principal: Principal, key: NewKey) -> None:
    await connection.execute(
        CREATE,
        key.key_id,
        principal.tenant_id,
        key.row_id,
        key.user_id,
        key.display_name,
        key.role,
        sorted(key.scopes),
        key.secret_hash,
        key.expire_time,
        key.rotated_from,
        principal.subject,
        key.parent_id,
    )


async def _get(connection: Connection, principal: Principal, key_id: str) -> ApiKey:
    row = await connection.fetchrow(GET, key_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.API_KEY_NOT_FOUND)
    return key_of(row)


LISTING: Final = Listing(SELECT, "r", "row_id", key_of, newest_first("r"))

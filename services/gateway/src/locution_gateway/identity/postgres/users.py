"""Users of a tenant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import asyncpg
from locution_common.errors import Reason, Refused
from locution_common.postgres import Connection

from locution_gateway.identity.models import NewUser, Standing, User, UserChange
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.lists import Listing, newest_first
from locution_gateway.platform.principal import Principal, Role, UserId

SELECT: Final = """
SELECT r.user_id, r.email, r.display_name, r.role, r.state, r.create_time, r.last_login_time, r.version
FROM gateway.users r
"""
GET: Final = f"{SELECT} WHERE r.user_id = $1 AND r.tenant_id = $2"
LOCK: Final = f"{GET} FOR UPDATE"
READ_HASH: Final = "SELECT password_hash FROM gateway.users WHERE user_id = $1 AND tenant_id = $2"
# One call uses up an invitation; a second one changes no row.
USE_INVITATION: Final = """
DELETE FROM gateway.invitations WHERE invitation_id = $1 AND tenant_id = $2 AND expire_time > clock_timestamp()
RETURNING invitation_id
"""
CREATE: Final = """
INSERT INTO gateway.users (user_id, tenant_id, email, display_name, role, password_hash, created_by)
VALUES ($1, $2, lower($3), $4, $5, $6, $7)
"""
UPDATE: Final = """
UPDATE gateway.users SET display_name = coalesce($3, display_name), role = coalesce($4, role),
    state = coalesce($5, state), version = version + 1
WHERE user_id = $1 AND tenant_id = $2
"""
SET_HASH: Final = """
UPDATE gateway.users SET password_hash = $3, version = version + 1
WHERE user_id = $1 AND tenant_id = $2
RETURNING user_id
"""
DELETE: Final = "DELETE FROM gateway.users WHERE user_id = $1 AND tenant_id = $2"
DELETE_DEFAULTS: Final = "DELETE FROM gateway.defaults WHERE tenant_id = $1 AND subject = 'user:' || $2::text"


class PostgresUsers:
    """Users of a tenant. Absent ones and those of other tenants are refused with USER_NOT_FOUND."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def create(self, principal: Principal, user: NewUser) -> User:
        """Create a user and use up the invitation. Refuses with USER_EXISTS, INVITATION_INVALID."""
        values = (user.email, user.display_name, user.role, user.password_hash, principal.subject)
        try:
            async with self._database.transaction(principal) as connection:
                await _use(connection, principal, user)
                await connection.execute(CREATE, user.user_id, principal.tenant_id, *values)
                return await _get(connection, principal, user.user_id)
        except asyncpg.UniqueViolationError:
            raise Refused(Reason.USER_EXISTS) from None

    async def get(self, principal: Principal, user_id: UserId) -> User:
        """Read one."""
        async with self._database.transaction(principal) as connection:
            return await _get(connection, principal, user_id)

    async def password_hash(self, principal: Principal, user_id: UserId) -> str:
        """Read the hash of a user's password."""
        async with self._database.transaction(principal) as connection:
            found = await connection.fetchval(READ_HASH, user_id, principal.tenant_id)
        if found is None:
            raise Refused(Reason.USER_NOT_FOUND)
        return str(found)

    async def list(self, principal: Principal, query: PageQuery) -> Page[User]:
        """Read a page, newest first."""
        return await LISTING.page(self._database, principal, query)

    async def update(self, principal: Principal, user_id: UserId, version: int | None, change: UserChange) -> User:
        """Change one. Refuses with ETAG_MISMATCH."""
        async with self._database.transaction(principal) as connection:
            await _lock(connection, principal, user_id, version)
            values = (change.display_name, change.role, change.state)
            await connection.execute(UPDATE, user_id, principal.tenant_id, *values)
            return await _get(connection, principal, user_id)

    async def set_password(self, principal: Principal, user_id: UserId, password_hash: str) -> None:
        """Change the password."""
        async with self._database.transaction(principal) as connection:
            if await connection.fetchval(SET_HASH, user_id, principal.tenant_id, password_hash) is None:
                raise Refused(Reason.USER_NOT_FOUND)

    async def delete(self, principal: Principal, user_id: UserId, version: int | None) -> None:
        """Delete one with sessions, keys and preferences. Refuses with ETAG_MISMATCH."""
        async with self._database.transaction(principal) as connection:
            await _lock(connection, principal, user_id, version)
            await connection.execute(DELETE_DEFAULTS, principal.tenant_id, str(user_id))
            await connection.execute(DELETE, user_id, principal.tenant_id)


def user_of(row: Mapping[str, Any]) -> User:
    """Return the user of a row."""
    return User(
        UserId(row["user_id"]),
        row["email"],
        row["display_name"],
        Role(row["role"]),
        Standing(row["state"]),
        row["create_time"],
        row["last_login_time"],
        row["version"],
    )


async def _use(connection: Connection, principal: Principal, user: NewUser) -> None:
    if user.invitation_id is None:
        return
    if await connection.fetchval(USE_INVITATION, user.invitation_id, principal.tenant_id) is None:
        raise Refused(Reason.INVITATION_INVALID)


async def _get(connection: Connection, principal: Principal, user_id: UserId) -> User:
    row = await connection.fetchrow(GET, user_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.USER_NOT_FOUND)
    return user_of(row)


async def _lock(connection: Connection, principal: Principal, user_id: UserId, version: int | None) -> None:
    row = await connection.fetchrow(LOCK, user_id, principal.tenant_id)
    if row is None:
        raise Refused(Reason.USER_NOT_FOUND)
    if version not in (None, row["version"]):
        raise Refused(Reason.ETAG_MISMATCH)


LISTING: Final = Listing(SELECT, "r", "user_id", user_of, newest_first("r"))

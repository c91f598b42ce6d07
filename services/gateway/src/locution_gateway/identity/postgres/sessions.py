"""Sessions."""

from __future__ import annotations

from typing import Final

from locution_gateway.identity.models import NewSession
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Principal, SessionId, UserId

CREATE: Final = """
INSERT INTO gateway.sessions (session_id, tenant_id, user_id, refresh_hash, expire_time, created_by)
VALUES ($1, $2, $3, $4, $5, $6)
"""
LOGGED_IN: Final = """
UPDATE gateway.users SET last_login_time = clock_timestamp() WHERE user_id = $1 AND tenant_id = $2
"""
# The generation is the fence: of two calls with one refresh token, only one changes a row.
ROTATE: Final = """
UPDATE gateway.sessions SET refresh_hash = $4, generation = generation + 1
WHERE session_id = $1 AND tenant_id = $2 AND generation = $3 AND revoke_time IS NULL
RETURNING session_id
"""
REVOKE: Final = """
UPDATE gateway.sessions SET revoke_time = clock_timestamp(), revoke_reason = $3
WHERE session_id = $1 AND tenant_id = $2 AND revoke_time IS NULL
"""
REVOKE_ALL: Final = """
UPDATE gateway.sessions SET revoke_time = clock_timestamp(), revoke_reason = $4
WHERE user_id = $1 AND tenant_id = $2 AND session_id IS DISTINCT FROM $3 AND revoke_time IS NULL
"""


class PostgresSessions:
    """Sessions in a TenantDatabase."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def create(self, principal: Principal, session: NewSession) -> None:
        """Store a session and the time of its user's login."""
        async with self._database.transaction(principal) as connection:
            await connection.execute(
                CREATE,
                session.session_id,
                principal.tenant_id,
                session.user_id,
                session.refresh_hash,
                session.expire_time,
                principal.subject,
            )
            await connection.execute(LOGGED_IN, session.user_id, principal.tenant_id)

    async def rotate(self, principal: Principal, session_id: SessionId, generation: int, refresh_hash: bytes) -> bool:
        """Replace the refresh token of a generation; False if another call has already done so."""
        async with self._database.transaction(principal) as connection:
            found = await connection.fetchval(ROTATE, session_id, principal.tenant_id, generation, refresh_hash)
        return found is not None

    async def revoke(self, principal: Principal, session_id: SessionId, reason: str) -> None:
        """End a session."""
        async with self._database.transaction(principal) as connection:
            await connection.execute(REVOKE, session_id, principal.tenant_id, reason)

    async def revoke_all(self, principal: Principal, user_id: UserId, but: SessionId | None, reason: str) -> None:
        """End a user's sessions, except one."""
        async with self._database.transaction(principal) as connection:
            await connection.execute(REVOKE_ALL, user_id, principal.tenant_id, but, reason)

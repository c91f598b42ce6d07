"""Find callers before their tenant is known, by functions that run as the schema's owner and answer for one name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from locution_gateway.identity.models import InvitationRecord, Issuer, KeyRecord, Login, SessionRecord
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Credential, Principal, Role, Scope, SessionId, TenantId, UserId

FIND_KEY: Final = "SELECT * FROM gateway.find_api_key($1)"
FIND_SESSION: Final = "SELECT * FROM gateway.find_session($1)"
FIND_LOGIN: Final = "SELECT * FROM gateway.find_login($1, $2)"
FIND_INVITATION: Final = "SELECT * FROM gateway.find_invitation($1)"
FIND_ISSUERS: Final = "SELECT * FROM gateway.find_issuers($1)"
TOUCH: Final = "SELECT gateway.touch_api_keys($1, $2)"
FORGET: Final = "SELECT gateway.forget_identity($1)"


class PostgresCredentials:
    """Credentials in a TenantDatabase."""

    def __init__(self, database: TenantDatabase) -> None:
        self._database = database

    async def api_key(self, key_id: str) -> KeyRecord | None:
        """Return the record of a key id."""
        row = await self._row(FIND_KEY, key_id)
        if row is None:
            return None
        return KeyRecord(_key_principal(row), bytes(row["secret_hash"]), row["expire_time"], bool(row["usable"]))

    async def session(self, session_id: SessionId) -> SessionRecord | None:
        """Return the record of a session."""
        row = await self._row(FIND_SESSION, session_id)
        if row is None:
            return None
        principal = Principal(
            tenant_id=TenantId(row["tenant_id"]),
            subject=row["subject"],
            role=Role(row["role"]),
            tenant=row["tenant_name"],
            credential=Credential.SESSION,
            user_id=UserId(row["user_id"]),
            email=row["email"],
            session_id=session_id,
        )
        refresh, generation = bytes(row["refresh_hash"]), row["generation"]
        return SessionRecord(principal, refresh, generation, row["expire_time"], bool(row["usable"]))

    async def issuers(self, issuer: str) -> Sequence[Issuer]:
        """Return the tenants' issuers with this `iss`."""
        async with self._database.across_tenants() as connection:
            rows = await connection.fetch(FIND_ISSUERS, issuer)
        return [
            Issuer(
                row["issuer_id"],
                TenantId(row["tenant_id"]),
                row["tenant_name"],
                issuer,
                row["audience"],
                row["jwks_uri"],
                row["algorithm"],
                Role(row["default_role"]),
                row["role_claim"],
            )
            for row in rows
        ]

    async def login(self, tenant: str, email: str) -> Login | None:
        """Return a user's record by tenant and e-mail address."""
        row = await self._row(FIND_LOGIN, tenant, email)
        if row is None:
            return None
        tenant_id, user_id, role, password_hash, usable = row
        return Login(TenantId(tenant_id), UserId(user_id), Role(role), password_hash, usable)

    async def invitation(self, invitation_id: UUID) -> InvitationRecord | None:
        """Return an invitation's record."""
        row = await self._row(FIND_INVITATION, invitation_id)
        if row is None:
            return None
        tenant_id, tenant, email, role, token_hash, usable = row
        return InvitationRecord(TenantId(tenant_id), tenant, email, Role(role), bytes(token_hash), usable)

    async def touch(self, used: Mapping[str, datetime]) -> None:
        """Store when keys were last used."""
        async with self._database.across_tenants() as connection:
            await connection.execute(TOUCH, list(used), list(used.values()))

    async def forget(self, limit: int) -> None:
        """Delete what has expired."""
        async with self._database.across_tenants() as connection:
            await connection.execute(FORGET, limit)

    async def _row(self, statement: str, *arguments: object) -> Any:
        async with self._database.across_tenants() as connection:
            return await connection.fetchrow(statement, *arguments)


def _key_principal(row: Mapping[str, Any]) -> Principal:
    """Return the principal of a key; a user's key has at most the user's role."""
    roles = [Role(row["role"]), *([Role(row["user_role"])] if row["user_role"] else [])]
    return Principal(
        tenant_id=TenantId(row["tenant_id"]),
        subject=row["subject"],
        role=min(roles, key=lambda role: role.rank),
        scopes=frozenset(map(Scope, row["scopes"])) or None,
        tenant=row["tenant_name"],
        credential=Credential.API_KEY,
        user_id=None if row["user_id"] is None else UserId(row["user_id"]),
        email=row["email"],
    )

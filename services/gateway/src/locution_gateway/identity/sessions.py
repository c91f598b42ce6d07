"""Sessions of people: an access token for minutes, and a refresh token for days that works once."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from locution_common.clock import Clock
from locution_common.errors import Reason, Refused

from locution_gateway.identity import tokens
from locution_gateway.identity.credentials.access import JwtAccessTokens
from locution_gateway.identity.models import NewSession, SessionRecord
from locution_gateway.identity.ports import CredentialStore
from locution_gateway.identity.postgres.sessions import PostgresSessions
from locution_gateway.platform.ids import new_id
from locution_gateway.platform.principal import Credential, Principal, Role, SessionId, TenantId, UserId


@dataclass(frozen=True, slots=True)
class Session:
    """The tokens that a password or a refresh token is exchanged for."""

    principal: Principal
    access_token: str
    access_expire_time: datetime
    refresh_token: str
    refresh_expire_time: datetime


class Sessions:
    """Opens, refreshes and ends sessions."""

    def __init__(
        self,
        store: PostgresSessions,
        credentials: CredentialStore,
        access: JwtAccessTokens,
        clock: Clock,
        lifetime: timedelta,
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._access = access
        self._clock = clock
        self._lifetime = lifetime

    async def open(self, tenant_id: TenantId, tenant: str, user_id: UserId, role: Role) -> Session:
        """Start a session of a user. Refuses with SESSIONS_DISABLED."""
        session_id = SessionId(new_id())
        principal = Principal(
            tenant_id,
            f"user:{user_id}",
            role,
            tenant=tenant,
            credential=Credential.SESSION,
            user_id=user_id,
            session_id=session_id,
        )
        access, access_end = self._access.issue(principal, session_id)
        fresh, end = tokens.new_numbered(tokens.REFRESH, session_id), self._clock.now() + self._lifetime
        await self._store.create(principal, NewSession(session_id, user_id, fresh.secret_hash, end))
        return Session(principal, access, access_end, fresh.token, end)

    async def refresh(self, token: str) -> Session:
        """Exchange a refresh token for new tokens. Refuses with UNAUTHENTICATED, CREDENTIAL_EXPIRED.

        A token of an earlier generation ends the session, because one of its two users has stolen it.
        """
        session_id, secret = _parsed(token)
        record = await self._credentials.session(session_id)
        if record is None or not record.usable:
            raise _refusal()
        if not hmac.compare_digest(tokens.digest(secret), record.refresh_hash):
            await self._store.revoke(record.principal, session_id, "refresh token shown again or forged")
            raise _refusal()
        if record.expire_time <= self._clock.now():
            raise Refused(Reason.CREDENTIAL_EXPIRED)
        return await self._rotated(record, session_id)

    async def end(self, principal: Principal, *, everywhere: bool) -> None:
        """End the caller's session, or all of its user's. Refuses with SESSION_REQUIRED."""
        if principal.session_id is None or principal.user_id is None:
            raise Refused(Reason.SESSION_REQUIRED)
        if everywhere:
            await self._store.revoke_all(principal, principal.user_id, None, "logged out everywhere")
        else:
            await self._store.revoke(principal, principal.session_id, "logged out")

    async def _rotated(self, record: SessionRecord, session_id: SessionId) -> Session:
        access, access_end = self._access.issue(record.principal, session_id)
        fresh = tokens.new_numbered(tokens.REFRESH, session_id)
        if not await self._store.rotate(record.principal, session_id, record.generation, fresh.secret_hash):
            await self._store.revoke(record.principal, session_id, "refresh token shown twice at once")
            raise _refusal()
        return Session(record.principal, access, access_end, fresh.token, record.expire_time)


def _parsed(token: str) -> tuple[SessionId, str]:
    parts = tokens.parse_numbered(tokens.REFRESH, token)
    if parts is None:
        raise _refusal()
    return SessionId(parts[0]), parts[1]


def _refusal() -> Refused:
    return Refused(Reason.UNAUTHENTICATED, "the refresh token is invalid")

"""Log in, register, change a password."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from uuid import UUID

from locution_common.errors import Reason, Refused

from locution_gateway.identity import tokens
from locution_gateway.identity.attempts import Attempts
from locution_gateway.identity.credentials.passwords import ArgonPasswords
from locution_gateway.identity.models import InvitationRecord, NewUser
from locution_gateway.identity.ports import CredentialStore
from locution_gateway.identity.postgres.sessions import PostgresSessions
from locution_gateway.identity.postgres.tenants import PostgresTenants
from locution_gateway.identity.postgres.users import PostgresUsers
from locution_gateway.identity.sessions import Session, Sessions
from locution_gateway.platform.ids import new_id
from locution_gateway.platform.principal import Principal, Role, UserId


class LogIn:
    """Exchanges e-mail address and password for a session."""

    def __init__(
        self, credentials: CredentialStore, passwords: ArgonPasswords, sessions: Sessions, attempts: Attempts
    ) -> None:
        self._credentials = credentials
        self._passwords = passwords
        self._sessions = sessions
        self._attempts = attempts

    async def run(self, tenant: str, email: str, password: str, address: str) -> Session:
        """Return a session. Refuses with UNAUTHENTICATED, RATE_LIMITED, OVERLOADED, SESSIONS_DISABLED.

        An unknown tenant, an unknown user and a wrong password cost the same work and get the same answer.
        """
        async with self._attempts.attempt(tenant, email, address):
            found = await self._credentials.login(tenant, email)
            fits = await self._passwords.verify(password, None if found is None else found.password_hash)
            if found is None or not (fits and found.usable):
                raise Refused(Reason.UNAUTHENTICATED, "the tenant, e-mail address or password is wrong")
        return await self._sessions.open(found.tenant_id, tenant, found.user_id, found.role)


@dataclass(frozen=True, slots=True)
class Registration:
    """The data of a new user; `invitation` is "" for open registration."""

    invitation: str
    email: str
    password: str
    display_name: str


class Register:
    """Creates users by invitation, or without one if the settings name a tenant for open registration."""

    def __init__(
        self,
        credentials: CredentialStore,
        users: PostgresUsers,
        tenants: PostgresTenants,
        passwords: ArgonPasswords,
        sessions: Sessions,
        open_tenant: str | None,
    ) -> None:
        self._credentials = credentials
        self._users = users
        self._tenants = tenants
        self._passwords = passwords
        self._sessions = sessions
        self._open_tenant = open_tenant

    async def run(self, asked: Registration) -> Session:
        """Create a user and a session. Refuses with INVITATION_INVALID, REGISTRATION_CLOSED, USER_EXISTS."""
        invitation_id, place = await self._place(asked)
        if asked.invitation and asked.email and asked.email.lower() != place.email:
            raise Refused(Reason.INVALID_REQUEST, "the invitation is for another e-mail address", field="email")
        if "@" not in place.email:
            raise Refused(Reason.INVALID_REQUEST, "it is not an e-mail address", field="email")
        password_hash = await self._passwords.hash(asked.password)
        user_id = UserId(new_id())
        maker = Principal(place.tenant_id, f"user:{user_id}", place.role, tenant=place.tenant, user_id=user_id)
        user = NewUser(user_id, place.email, asked.display_name, place.role, password_hash, invitation_id)
        await self._users.create(maker, user)
        return await self._sessions.open(place.tenant_id, place.tenant, user_id, place.role)

    async def _place(self, asked: Registration) -> tuple[UUID | None, InvitationRecord]:
        if asked.invitation:
            return await self._invited(asked.invitation)
        tenant_id = None if self._open_tenant is None else await self._tenants.find(self._open_tenant)
        if self._open_tenant is None or tenant_id is None:
            raise Refused(Reason.REGISTRATION_CLOSED)
        email = asked.email.lower()
        return None, InvitationRecord(tenant_id, self._open_tenant, email, Role.MEMBER, b"", usable=True)

    async def _invited(self, token: str) -> tuple[UUID, InvitationRecord]:
        parts = tokens.parse_numbered(tokens.INVITATION, token)
        if parts is None:
            raise Refused(Reason.INVITATION_INVALID)
        invitation_id, secret = parts
        record = await self._credentials.invitation(invitation_id)
        known = b"" if record is None else record.token_hash
        fits = hmac.compare_digest(tokens.digest(secret), known)
        if record is None or not (fits and record.usable):
            raise Refused(Reason.INVITATION_INVALID)
        return invitation_id, record


class ChangePassword:
    """Changes the caller's own password."""

    def __init__(
        self, users: PostgresUsers, sessions: PostgresSessions, passwords: ArgonPasswords, attempts: Attempts
    ) -> None:
        self._users = users
        self._sessions = sessions
        self._passwords = passwords
        self._attempts = attempts

    async def run(self, principal: Principal, old: str, new: str, address: str) -> None:
        """Change it and end the caller's other sessions.

        Refuses with UNAUTHENTICATED, SESSION_REQUIRED, RATE_LIMITED, OVERLOADED.
        """
        if principal.user_id is None or principal.session_id is None:
            raise Refused(Reason.SESSION_REQUIRED)
        async with self._attempts.attempt(principal.tenant, principal.email or principal.subject, address):
            known = await self._users.password_hash(principal, principal.user_id)
            if not await self._passwords.verify(old, known):
                raise Refused(Reason.UNAUTHENTICATED, "the old password is wrong")
        await self._users.set_password(principal, principal.user_id, await self._passwords.hash(new))
        await self._sessions.revoke_all(principal, principal.user_id, principal.session_id, "password changed")

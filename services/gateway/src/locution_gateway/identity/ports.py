"""What identity and limits need of the world."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from locution_gateway.identity.models import (
    ApiKey,
    Invitation,
    InvitationRecord,
    Issuer,
    KeyRecord,
    Login,
    NewKey,
    NewSession,
    NewUser,
    SessionRecord,
    Tenant,
    TenantChange,
    User,
    UserChange,
)
from locution_gateway.platform.listing import Page, PageQuery
from locution_gateway.platform.principal import Principal, SessionId, TenantId, UserId
from locution_gateway.platform.requests import RequestKey


class CredentialStore(Protocol):
    """Finds who calls, before the tenant is known."""

    async def api_key(self, key_id: str) -> KeyRecord | None:
        """Return what is known of a key id."""

    async def session(self, session_id: SessionId) -> SessionRecord | None:
        """Return what is known of a session."""

    async def issuers(self, issuer: str) -> Sequence[Issuer]:
        """Return the tenants' issuers of this `iss`."""

    async def login(self, tenant: str, email: str) -> Login | None:
        """Return what is known of a user by tenant and e-mail address."""

    async def invitation(self, invitation_id: UUID) -> InvitationRecord | None:
        """Return what is known of an invitation."""

    async def touch(self, used: Mapping[str, datetime]) -> None:
        """Keep when keys were last used."""

    async def forget(self, limit: int) -> None:
        """Drop what is over: sessions, invitations, streams, buckets."""


class SessionStore(Protocol):
    """Sessions of a tenant's users."""

    async def create(self, principal: Principal, session: NewSession) -> None:
        """Keep a session and when its user logged in."""

    async def rotate(self, principal: Principal, session_id: SessionId, generation: int, refresh_hash: bytes) -> bool:
        """Replace the refresh token of a generation; False when another call has done so before."""

    async def revoke(self, principal: Principal, session_id: SessionId, reason: str) -> None:
        """End a session."""

    async def revoke_all(self, principal: Principal, user_id: UserId, but: SessionId | None, reason: str) -> None:
        """End a user's sessions, but for one."""


class TenantStore(Protocol):
    """Tenants. An absent one is refused with TENANT_NOT_FOUND."""

    async def find(self, name: str) -> TenantId | None:
        """Return the tenant of a name."""

    async def create(self, principal: Principal, tenant: Tenant) -> Tenant:
        """Make a tenant. Refused with TENANT_EXISTS."""

    async def get(self, principal: Principal) -> Tenant:
        """Read the principal's tenant."""

    async def list(self, after: str, limit: int) -> Sequence[Tenant]:
        """Read tenants by name, behind one."""

    async def update(self, principal: Principal, version: int | None, change: TenantChange) -> Tenant:
        """Change the principal's tenant. Refused with ETAG_MISMATCH."""


class UserStore(Protocol):
    """Users of a tenant. Absent and foreign raise USER_NOT_FOUND alike."""

    async def create(self, principal: Principal, user: NewUser) -> User:
        """Make a user, using up the invitation. Refused with USER_EXISTS, INVITATION_INVALID."""

    async def get(self, principal: Principal, user_id: UserId) -> User:
        """Read one."""

    async def password_hash(self, principal: Principal, user_id: UserId) -> str:
        """Read the hash of a user's password."""

    async def list(self, principal: Principal, query: PageQuery) -> Page[User]:
        """Read a page, newest first."""

    async def update(self, principal: Principal, user_id: UserId, version: int | None, change: UserChange) -> User:
        """Change one. Refused with ETAG_MISMATCH."""

    async def set_password(self, principal: Principal, user_id: UserId, password_hash: str) -> None:
        """Change the password."""

    async def delete(self, principal: Principal, user_id: UserId, version: int | None) -> None:
        """Delete one with sessions, keys and preferences. Refused with ETAG_MISMATCH."""


class InvitationStore(Protocol):
    """Invitations of a tenant. Absent and foreign raise INVITATION_NOT_FOUND alike."""

    async def create(
        self, principal: Principal, invitation: Invitation, token_hash: bytes, request: RequestKey | None
    ) -> Invitation:
        """Make one. Refused with USER_EXISTS, REQUEST_ID_REUSED."""

    async def list(self, principal: Principal, query: PageQuery) -> Page[Invitation]:
        """Read a page of those that are still good, newest first."""

    async def delete(self, principal: Principal, invitation_id: UUID) -> None:
        """Take one back."""


class KeyStore(Protocol):
    """API keys of a tenant. Absent and foreign raise API_KEY_NOT_FOUND alike."""

    async def create(self, principal: Principal, key: NewKey, limit: int | None, request: RequestKey | None) -> ApiKey:
        """Make one. Refused with QUOTA_EXCEEDED, REQUEST_ID_REUSED."""

    async def get(self, principal: Principal, key_id: str) -> ApiKey:
        """Read one."""

    async def list(self, principal: Principal, owner: Principal | None, query: PageQuery) -> Page[ApiKey]:
        """Read a page, newest first: of all, or of those of one principal."""

    async def rotate(self, principal: Principal, old: str, key: NewKey, until: datetime) -> ApiKey:
        """Make a key and let the old one expire. Refused with API_KEY_STATE_CONFLICT."""

    async def revoke(self, principal: Principal, key_id: str) -> ApiKey:
        """Revoke one; one that is revoked stays as it is."""


class IssuerStore(Protocol):
    """OIDC issuers of a tenant. Absent and foreign raise ISSUER_NOT_FOUND alike."""

    async def create(self, principal: Principal, issuer: Issuer) -> Issuer:
        """Allow one. Refused with ISSUER_EXISTS."""

    async def list(self, principal: Principal, query: PageQuery) -> Page[Issuer]:
        """Read a page, newest first."""

    async def delete(self, principal: Principal, issuer_id: UUID) -> None:
        """Allow one no longer."""


class Passwords(Protocol):
    """Hashes passwords, off the event loop and few at once. Refused with OVERLOADED when too many wait."""

    async def hash(self, password: str) -> str:
        """Return a password's hash."""

    async def verify(self, password: str, password_hash: str | None) -> bool:
        """Tell whether a password fits; as much work without a hash as with one."""


class AccessTokens(Protocol):
    """Signs and reads the access tokens of sessions."""

    def issue(self, principal: Principal, session_id: SessionId) -> tuple[str, datetime]:
        """Return a token and its end. Refused with SESSIONS_DISABLED."""

    def read(self, token: str) -> SessionId:
        """Return the session that a token names. Refused with UNAUTHENTICATED, CREDENTIAL_EXPIRED."""

    def is_ours(self, token: str) -> bool:
        """Tell whether a token claims to be one of ours; nothing is verified by that."""


class OidcTokens(Protocol):
    """Reads tokens of issuers."""

    async def read(self, token: str) -> Principal:
        """Return who a token speaks for. Refused with UNAUTHENTICATED, CREDENTIAL_EXPIRED, DependencyUnavailable."""

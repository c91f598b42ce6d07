"""The caller."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, NewType
from uuid import UUID

TenantId = NewType("TenantId", UUID)
DEFAULT_TENANT: Final = TenantId(UUID("00000000-0000-4000-8000-000000000001"))
"""The tenant of the operator's own key."""
DEFAULT_TENANT_NAME: Final = "default"

UserId = NewType("UserId", UUID)
SessionId = NewType("SessionId", UUID)


class Role(StrEnum):
    """Permissions of a principal, from least to most."""

    VIEWER = "VIEWER"
    MEMBER = "MEMBER"
    ADMIN = "ADMIN"
    OPERATOR = "OPERATOR"

    @property
    def rank(self) -> int:
        """Return its rank among the roles, from 0."""
        return list(Role).index(self)


class Scope(StrEnum):
    """A permission of an API key, within its role."""

    UPLOADS_READ = "UPLOADS_READ"
    UPLOADS_WRITE = "UPLOADS_WRITE"
    JOBS_READ = "JOBS_READ"
    JOBS_WRITE = "JOBS_WRITE"
    TRANSCRIPTS_READ = "TRANSCRIPTS_READ"
    TRANSCRIPTS_WRITE = "TRANSCRIPTS_WRITE"
    LIVE = "LIVE"
    MODELS_READ = "MODELS_READ"
    MODELS_WRITE = "MODELS_WRITE"
    ACCOUNT_READ = "ACCOUNT_READ"
    ACCOUNT_WRITE = "ACCOUNT_WRITE"
    ADMINISTRATION_READ = "ADMINISTRATION_READ"
    ADMINISTRATION_WRITE = "ADMINISTRATION_WRITE"
    VOICES_READ = "VOICES_READ"
    VOICES_WRITE = "VOICES_WRITE"


class Credential(StrEnum):
    """How a principal authenticated."""

    NONE = "NONE"
    API_KEY = "API_KEY"
    SESSION = "SESSION"
    OIDC = "OIDC"
    BOOTSTRAP = "BOOTSTRAP"


@dataclass(frozen=True, slots=True)
class Principal:
    """An authenticated caller. Every port method takes one and sees only the rows and objects of its tenant.

    `scopes` is None for everything that the role allows. `tenant` is the tenant's name.
    """

    tenant_id: TenantId
    subject: str
    role: Role
    scopes: frozenset[Scope] | None = None
    tenant: str = ""
    credential: Credential = Credential.NONE
    user_id: UserId | None = None
    email: str | None = None
    session_id: SessionId | None = None

    @property
    def owner(self) -> str:
        """Return the subject of its preferences: its user, or itself."""
        return self.subject if self.user_id is None else f"user:{self.user_id}"

    def within(self, tenant_id: TenantId) -> Principal:
        """Return an operator that acts in a tenant: it sees only that tenant's rows and stays the actor."""
        return Principal(tenant_id, self.subject, self.role, credential=self.credential)


ANONYMOUS: Final = Principal(TenantId(UUID(int=0)), "", Role.VIEWER, frozenset())
"""The caller of a method that needs no credential."""


def system(tenant_id: TenantId) -> Principal:
    """Return the principal of the services themselves in a tenant."""
    return Principal(tenant_id, "system", Role.MEMBER)

"""Tenants, their users, and their credentials."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from locution_gateway.platform.principal import Principal, Role, Scope, SessionId, TenantId, UserId


class Standing(StrEnum):
    """Whether a tenant's or a user's credentials are accepted."""

    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"


@dataclass(frozen=True, slots=True)
class Allowance:
    """How many attempts may fail without a delay. It then doubles with each failure, from 1 s to `longest` seconds."""

    free: int
    longest: float


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant: users, keys, quotas and data."""

    tenant_id: TenantId
    name: str
    display_name: str
    share: int
    state: Standing
    create_time: datetime
    version: int


@dataclass(frozen=True, slots=True)
class TenantChange:
    """Changes of a tenant; None keeps a field."""

    display_name: str | None = None
    share: int | None = None
    state: Standing | None = None


@dataclass(frozen=True, slots=True)
class User:
    """A person of a tenant."""

    user_id: UserId
    email: str
    display_name: str
    role: Role
    state: Standing
    create_time: datetime
    last_login_time: datetime | None
    version: int


@dataclass(frozen=True, slots=True)
class UserChange:
    """Changes of a user; None keeps a field."""

    display_name: str | None = None
    role: Role | None = None
    state: Standing | None = None


@dataclass(frozen=True, slots=True)
class NewUser:
    """A user to create; `invitation_id` is the invitation that it uses up."""

    user_id: UserId
    email: str
    display_name: str
    role: Role
    password_hash: str
    invitation_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Login:
    """What Login needs of a user."""

    tenant_id: TenantId
    user_id: UserId
    role: Role
    password_hash: str
    usable: bool


class KeyState(StrEnum):
    """The state of an API key."""

    ACTIVE = "ACTIVE"
    EXPIRED = "EXPIRED"
    REVOKED = "REVOKED"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key that a program calls with. Empty `scopes` means everything that the role allows."""

    key_id: str
    row_id: UUID
    user_id: UserId | None
    display_name: str
    role: Role
    scopes: frozenset[Scope]
    expire_time: datetime | None
    state: KeyState
    last_use_time: datetime | None
    rotated_from: str | None
    created_by: str
    create_time: datetime
    parent_id: str | None
    parent_shown: bool


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key to create; `secret_hash` is the SHA-256 of its secret, `parent_id` the key that creates it."""

    key_id: str
    row_id: UUID
    user_id: UserId | None
    display_name: str
    role: Role
    scopes: frozenset[Scope]
    expire_time: datetime | None
    secret_hash: bytes
    rotated_from: str | None = None
    parent_id: str | None = None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What authentication needs of a key id; `known` is false for unused and revoked ids."""

    principal: Principal
    secret_hash: bytes
    expire_time: datetime | None
    known: bool


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """What authentication needs of a session."""

    principal: Principal
    refresh_hash: bytes
    generation: int
    expire_time: datetime
    usable: bool


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session to store; `refresh_hash` is the SHA-256 of its refresh token's secret."""

    session_id: SessionId
    user_id: UserId
    refresh_hash: bytes
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class Invitation:
    """An invitation to become a user."""

    invitation_id: UUID
    email: str
    role: Role
    expire_time: datetime
    create_time: datetime


@dataclass(frozen=True, slots=True)
class InvitationRecord:
    """What Register needs of an invitation."""

    tenant_id: TenantId
    tenant: str
    email: str
    role: Role
    token_hash: bytes
    usable: bool


@dataclass(frozen=True, slots=True)
class Issuer:
    """An OIDC issuer that may authenticate callers of a tenant, with one signature algorithm."""

    issuer_id: UUID
    tenant_id: TenantId
    tenant: str
    issuer: str
    audience: str
    jwks_uri: str
    algorithm: str
    default_role: Role
    role_claim: str
    create_time: datetime | None = None

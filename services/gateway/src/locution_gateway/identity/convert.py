"""Names, roles, scopes, keys and defaults."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC
from typing import Final
from uuid import UUID

from locution.v1 import account_service_pb2 as accounts
from locution.v1 import identity_pb2 as pb
from locution.v1 import transcript_service_pb2 as transcripts
from locution.v1.account_service_pb2 import RotateApiKeyRequest
from locution.v1.administration_service_pb2 import RotateTenantApiKeyRequest
from locution_common.errors import Reason, Refused

from locution_gateway.identity.api_keys import Issued, KeyDraft, Rotation
from locution_gateway.identity.models import ApiKey
from locution_gateway.identity.sessions import Session
from locution_gateway.jobs.config import JobDefaults, StoredDefaults
from locution_gateway.jobs.convert import request_from_proto, request_to_proto
from locution_gateway.platform.convert import refuse_others, timestamp
from locution_gateway.platform.principal import Credential, Principal, Role, Scope

KEY_FIELDS: Final = ("display_name", "role", "scopes", "expire_time")
_FORMAT: Final = "FORMAT_"


def tenant_of(name: str, below: str | None = None) -> str:
    """Return the tenant in "tenants/{tenant}" or "tenants/{tenant}/{below}"; "", which is no tenant, otherwise."""
    parts = name.split("/")
    fits = parts[0] == "tenants" and len(parts) >= 2 and (below is None or parts[2:] == ([below] if below else []))
    return parts[1] if fits else ""


def last_of(name: str) -> str:
    """Return the last part of a name."""
    return name.rpartition("/")[2]


def uuid_of(name: str, absent: Reason) -> UUID:
    """Return the id at the end of a name. Refuses an invalid id with `absent`."""
    text = last_of(name)
    try:
        found = UUID(text)
    except ValueError:
        raise Refused(absent) from None
    if str(found) != text:
        raise Refused(absent)
    return found


def role_from_proto(role: pb.Role.ValueType, field: str) -> Role:
    """Return a required role. Refuses with INVALID_REQUEST."""
    if not role:
        raise Refused(Reason.INVALID_REQUEST, "a role is required", field=field)
    return Role(pb.Role.Name(role).removeprefix("ROLE_"))


def role_to_proto(role: Role) -> pb.Role.ValueType:
    """Return a role."""
    return pb.Role.Value(f"ROLE_{role.value}")


def scopes_from_proto(scopes: Iterable[pb.Scope.ValueType]) -> frozenset[Scope]:
    """Return scopes."""
    return frozenset(Scope(pb.Scope.Name(scope).removeprefix("SCOPE_")) for scope in scopes)


def scopes_to_proto(scopes: Iterable[Scope]) -> list[pb.Scope.ValueType]:
    """Return scopes in the order of their numbers."""
    return sorted(pb.Scope.Value(f"SCOPE_{scope.value}") for scope in scopes)


def key_draft(key: pb.ApiKey) -> KeyDraft:
    """Return a client's description of a new key. Refuses with INVALID_REQUEST."""
    refuse_others(key, "api_key", KEY_FIELDS)
    return KeyDraft(
        key.display_name,
        role_from_proto(key.role, "api_key.role") if key.role else None,
        scopes_from_proto(key.scopes),
        key.expire_time.ToDatetime(tzinfo=UTC) if key.HasField("expire_time") else None,
    )


def key_to_proto(tenant: str, key: ApiKey) -> pb.ApiKey:
    """Return a key of a tenant."""
    below = f"tenants/{tenant}"
    return pb.ApiKey(
        name=f"{below}/apiKeys/{key.key_id}",
        display_name=key.display_name,
        role=role_to_proto(key.role),
        scopes=scopes_to_proto(key.scopes),
        expire_time=None if key.expire_time is None else timestamp(key.expire_time),
        state=pb.ApiKey.State.Value(f"STATE_{key.state.value}"),
        user=None if key.user_id is None else f"{below}/users/{key.user_id}",
        last_use_time=None if key.last_use_time is None else timestamp(key.last_use_time),
        rotated_from=None if key.rotated_from is None else f"{below}/apiKeys/{key.rotated_from}",
        create_time=timestamp(key.create_time),
        creator=key.created_by,
        parent=f"{below}/apiKeys/{key.parent_id}" if key.parent_shown else None,
    )


def issued_to_proto(tenant: str, issued: Issued) -> pb.IssuedApiKey:
    """Return a new key with its secret."""
    key, secret = issued
    return pb.IssuedApiKey(api_key=key_to_proto(tenant, key), secret=secret)


def session_to_proto(session: Session) -> accounts.Session:
    """Return a session."""
    principal = session.principal
    return accounts.Session(
        access_token=session.access_token,
        access_expire_time=timestamp(session.access_expire_time),
        refresh_token=session.refresh_token,
        refresh_expire_time=timestamp(session.refresh_expire_time),
        user=f"tenants/{principal.tenant}/users/{principal.user_id}",
    )


def caller_to_proto(principal: Principal) -> accounts.Caller:
    """Return the caller."""
    credential = "UNSPECIFIED" if principal.credential is Credential.NONE else principal.credential.value
    user = None if principal.user_id is None else f"tenants/{principal.tenant}/users/{principal.user_id}"
    return accounts.Caller(
        subject=principal.subject,
        tenant=f"tenants/{principal.tenant}",
        role=role_to_proto(principal.role),
        scopes=scopes_to_proto(principal.scopes or ()),
        credential=accounts.Caller.Credential.Value(f"CREDENTIAL_{credential}"),
        user=user,
        email=principal.email,
    )


def defaults_from_proto(message: pb.JobDefaults) -> JobDefaults:
    """Return defaults of jobs."""
    formats = transcripts.ExportTranscriptRequest.Format
    chosen = formats.Name(message.export_format).removeprefix(_FORMAT) if message.export_format else None
    return JobDefaults(request_from_proto(message.config), chosen)


def defaults_to_proto(stored: StoredDefaults) -> pb.JobDefaults:
    """Return defaults of jobs."""
    chosen, formats = stored.defaults.export_format, transcripts.ExportTranscriptRequest.Format
    return pb.JobDefaults(
        config=request_to_proto(stored.defaults.config),
        export_format=formats.FORMAT_UNSPECIFIED if chosen is None else formats.Value(f"{_FORMAT}{chosen}"),
    )


def rotation(request: RotateApiKeyRequest | RotateTenantApiKeyRequest) -> Rotation:
    """Return which key to rotate, and how."""
    overlap = request.overlap.ToTimedelta() if request.HasField("overlap") else None
    end = request.expire_time.ToDatetime(tzinfo=UTC) if request.HasField("expire_time") else None
    return Rotation(last_of(request.name), overlap, end)

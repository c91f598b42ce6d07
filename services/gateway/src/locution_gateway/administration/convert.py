"""Tenants, users, invitations, issuers, quotas and usage."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from typing import Final
from uuid import UUID

from locution.v1 import administration_service_pb2 as pb
from locution.v1 import identity_pb2 as identity
from locution.v1 import live_service_pb2 as live
from locution_common.errors import Reason, Refused

from locution_gateway.identity import models as accounts
from locution_gateway.identity.convert import defaults_from_proto, defaults_to_proto, role_from_proto, role_to_proto
from locution_gateway.identity.models import Invitation, Issuer, Tenant, TenantChange, User, UserChange
from locution_gateway.jobs.config import Afterwards, JobDefaults, StoredDefaults
from locution_gateway.platform.convert import offset, refuse_others, seconds, timestamp
from locution_gateway.platform.etags import etag
from locution_gateway.platform.masks import unchangeable
from locution_gateway.platform.principal import TenantId
from locution_gateway.quotas.manage import NAMES, Standing
from locution_gateway.quotas.models import Limits, UsageRow

AUDIO: Final[Mapping[str, str]] = {
    "audio_duration_per_day": "audio_seconds_per_day",
    "audio_duration_per_month": "audio_seconds_per_month",
}
"""Fields of QuotaLimits with another name in the domain."""
_LIMITS: Final = "limits"


def tenant_to_proto(tenant: Tenant) -> pb.Tenant:
    """Return a tenant."""
    return pb.Tenant(
        name=f"tenants/{tenant.name}",
        display_name=tenant.display_name,
        share=tenant.share,
        state=pb.Tenant.State.Value(f"STATE_{tenant.state.value}"),
        create_time=timestamp(tenant.create_time),
        etag=etag(tenant.version),
    )


def tenant_change(tenant: pb.Tenant) -> TenantChange:
    """Return a client's changes of a tenant."""
    state = pb.Tenant.State.Name(tenant.state).removeprefix("STATE_")
    return TenantChange(tenant.display_name, tenant.share or 1, accounts.Standing(state) if tenant.state else None)


def settings_to_proto(tenant: str, stored: StoredDefaults) -> pb.TenantSettings:
    """Return a tenant's settings."""
    return pb.TenantSettings(
        name=f"tenants/{tenant}/settings",
        job_defaults=defaults_to_proto(stored),
        update_time=None if stored.update_time is None else timestamp(stored.update_time),
        etag=etag(stored.version),
        live_defaults=_live_defaults_to_proto(stored.defaults.live_afterwards),
    )


def settings_from_proto(settings: pb.TenantSettings) -> JobDefaults:
    """Return a client's settings of a tenant."""
    chosen = settings.live_defaults.afterwards
    name = live.LiveConfig.Afterwards.Name(chosen).removeprefix("AFTERWARDS_")
    return replace(defaults_from_proto(settings.job_defaults), live_afterwards=Afterwards(name) if chosen else None)


def _live_defaults_to_proto(chosen: Afterwards | None) -> pb.LiveDefaults | None:
    if chosen is None:
        return None
    return pb.LiveDefaults(afterwards=live.LiveConfig.Afterwards.Value(f"AFTERWARDS_{chosen.value}"))


def user_to_proto(tenant: str, user: User) -> pb.User:
    """Return a user."""
    return pb.User(
        name=f"tenants/{tenant}/users/{user.user_id}",
        email=user.email,
        display_name=user.display_name,
        role=role_to_proto(user.role),
        state=pb.User.State.Value(f"STATE_{user.state.value}"),
        create_time=timestamp(user.create_time),
        last_login_time=None if user.last_login_time is None else timestamp(user.last_login_time),
        etag=etag(user.version),
    )


def user_change(user: pb.User) -> UserChange:
    """Return a client's changes of a user."""
    state = pb.User.State.Name(user.state).removeprefix("STATE_")
    return UserChange(
        user.display_name,
        role_from_proto(user.role, "user.role") if user.role else None,
        accounts.Standing(state) if user.state else None,
    )


def invitation_to_proto(tenant: str, invitation: Invitation) -> pb.Invitation:
    """Return an invitation."""
    return pb.Invitation(
        name=f"tenants/{tenant}/invitations/{invitation.invitation_id}",
        email=invitation.email,
        role=role_to_proto(invitation.role),
        expire_time=timestamp(invitation.expire_time),
        create_time=timestamp(invitation.create_time),
    )


def issuer_from_proto(issuer: pb.Issuer) -> Issuer:
    """Return the issuer that a client describes, without ids. Refuses with INVALID_REQUEST."""
    allowed = ("issuer", "audience", "jwks_uri", "algorithm", "default_role", "role_claim")
    refuse_others(issuer, "issuer", allowed)
    role = role_from_proto(issuer.default_role, "issuer.default_role")
    nobody = UUID(int=0)
    return Issuer(
        nobody,
        TenantId(nobody),
        "",
        issuer.issuer,
        issuer.audience,
        issuer.jwks_uri,
        issuer.algorithm,
        role,
        issuer.role_claim,
    )


def issuer_to_proto(tenant: str, issuer: Issuer) -> pb.Issuer:
    """Return an issuer."""
    return pb.Issuer(
        name=f"tenants/{tenant}/issuers/{issuer.issuer_id}",
        issuer=issuer.issuer,
        audience=issuer.audience,
        jwks_uri=issuer.jwks_uri,
        algorithm=issuer.algorithm,
        default_role=role_to_proto(issuer.default_role),
        role_claim=issuer.role_claim,
        create_time=None if issuer.create_time is None else timestamp(issuer.create_time),
    )


def limits_from_proto(message: identity.QuotaLimits) -> Limits:
    """Return limits; unset ones are None."""
    given = {field.name: value for field, value in message.ListFields()}
    values = {AUDIO.get(name, name): value for name, value in given.items()}
    for name in AUDIO.values():
        if name in values:
            values[name] = values[name].ToSeconds()
    return Limits(**values)


def limits_to_proto(limits: Limits) -> identity.QuotaLimits:
    """Return limits."""
    message = identity.QuotaLimits()
    for field in identity.QuotaLimits.DESCRIPTOR.fields:
        value = getattr(limits, AUDIO.get(field.name, field.name))
        if value is not None and field.name in AUDIO:
            getattr(message, field.name).CopyFrom(seconds(value))
        elif value is not None:
            setattr(message, field.name, value)
    return message


def limits_mask(paths: Iterable[str]) -> list[str]:
    """Return the names of limits in a mask; an empty result means all. Refuses with UPDATE_MASK_INVALID."""
    found: list[str] = []
    for path in paths:
        head, _, name = path.partition(".")
        if head != _LIMITS or (name and name not in identity.QuotaLimits.DESCRIPTOR.fields_by_name):
            allowed = [_LIMITS, *(f"{_LIMITS}.{field.name}" for field in identity.QuotaLimits.DESCRIPTOR.fields)]
            raise unchangeable(path, allowed)
        found += [AUDIO.get(name, name)] if name else NAMES
    return found


def quotas_to_proto(tenant: str, standing: Standing) -> pb.Quotas:
    """Return a tenant's quotas and their use."""
    use = standing.use
    return pb.Quotas(
        name=f"tenants/{tenant}/quotas",
        limits=limits_to_proto(standing.quotas.limits),
        effective=limits_to_proto(standing.quotas.effective),
        use=identity.QuotaUse(
            audio_duration_today=offset(use.audio_samples_today),
            audio_duration_this_month=offset(use.audio_samples_this_month),
            audio_duration_pending=offset(use.audio_samples_pending),
            stored_bytes=use.stored_bytes,
            concurrent_jobs=use.concurrent_jobs,
            concurrent_streams=use.concurrent_streams,
            open_uploads=use.open_uploads,
            api_keys=use.api_keys,
        ),
        etag=etag(standing.quotas.version),
    )


def day_from_proto(text: str, field: str) -> date | None:
    """Return a day, or None for "". Refuses an impossible date with INVALID_REQUEST."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise Refused(Reason.INVALID_REQUEST, f"invalid date: {error}", field=field) from None


def usage_to_proto(row: UsageRow) -> pb.UsageRow:
    """Return a tenant's usage."""
    return pb.UsageRow(
        date="" if row.day is None else row.day.isoformat(),
        subject=row.subject,
        audio_duration=offset(row.audio_samples),
        uploaded_bytes=row.uploaded_bytes,
        job_count=row.job_count,
    )

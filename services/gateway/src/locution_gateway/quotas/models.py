"""What tenants may use and what they used."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date

from locution_common.errors import QuotaViolation, Reason, Refused


def quota_exceeded(quota: str, limit: str, *, retry_after: float | None = None) -> Refused:
    """Refuse what is over a quota, which is named as its field in QuotaLimits, with its limit for people."""
    return Refused(
        Reason.QUOTA_EXCEEDED,
        f"the quota {quota} is used up: {limit}",
        quota=[QuotaViolation("tenant", f"{quota}: {limit}")],
        retry_after=retry_after,
        metadata={"quota": quota},
    )


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a tenant may use; None where it is not limited. Audio in seconds, rates in calls a second."""

    audio_seconds_per_day: int | None = None
    audio_seconds_per_month: int | None = None
    stored_bytes: int | None = None
    concurrent_jobs: int | None = None
    concurrent_streams: int | None = None
    open_uploads: int | None = None
    api_keys: int | None = None
    calls_per_second: float | None = None
    calls_per_second_per_principal: float | None = None

    def over(self, base: Limits) -> Limits:
        """Return these limits, and those of `base` where these say nothing."""
        given = {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}
        return replace(base, **given)


@dataclass(frozen=True, slots=True)
class Quotas:
    """A tenant's own limits, and what holds with the server's defaults; `version` is 0 before the first change."""

    limits: Limits
    effective: Limits
    version: int


@dataclass(frozen=True, slots=True)
class QuotaUse:
    """How much is used now. Pending audio is decoded and not transcribed yet."""

    audio_samples_today: int
    audio_samples_this_month: int
    audio_samples_pending: int
    stored_bytes: int
    concurrent_jobs: int
    concurrent_streams: int
    open_uploads: int
    api_keys: int


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What one principal used on one day; the total has neither."""

    day: date | None
    subject: str
    audio_samples: int
    uploaded_bytes: int
    job_count: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Tokens that were taken out of a bucket, and how many are left in it."""

    granted: float
    remaining: float

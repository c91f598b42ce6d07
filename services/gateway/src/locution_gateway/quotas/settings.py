"""Settings of quotas and rate limits."""

from __future__ import annotations

from locution_common.settings import Settings
from pydantic import Field

from locution_gateway.quotas.models import Limits

_GIB = 1024**3


class QuotaSettings(Settings):
    """How much may be used by tenants without quotas of their own, and how much a process takes."""

    max_open_uploads: int = Field(
        100,
        description="Maximum number of uploads per tenant that are WRITING or VERIFYING.",
        examples=["100"],
        ge=1,
        le=100_000,
    )
    max_calls: int = Field(
        256, description="Maximum number of concurrent unary calls per process.", examples=["256"], ge=1
    )
    max_streams: int = Field(
        1000,
        description="Maximum number of concurrent streaming calls per process.",
        examples=["1000"],
        ge=1,
    )
    anonymous_calls_per_second: float = Field(
        10.0,
        description="Calls per second that one address may make to Login, RefreshSession and Register.",
        examples=["10"],
        gt=0,
    )
    quota_audio_seconds_per_day: int | None = Field(
        None, description="Seconds of audio per tenant and day (UTC).", examples=["360000"], ge=0
    )
    quota_audio_seconds_per_month: int | None = Field(
        None, description="Seconds of audio per tenant and month (UTC).", examples=["3600000"], ge=0
    )
    quota_stored_bytes: int | None = Field(
        None, description="Bytes of stored uploads per tenant.", examples=[str(1024 * _GIB)], ge=0
    )
    quota_concurrent_jobs: int | None = Field(
        1000, description="Jobs per tenant that are QUEUED or RUNNING.", examples=["1000"], ge=0
    )
    quota_concurrent_streams: int | None = Field(
        200, description="Open streaming calls per tenant, over all replicas.", examples=["200"], ge=0
    )
    quota_api_keys: int | None = Field(1000, description="ACTIVE API keys per tenant.", examples=["1000"], ge=0)
    quota_calls_per_second: float | None = Field(
        200.0, description="Calls per second and tenant, over all replicas.", examples=["200"], gt=0
    )
    quota_calls_per_second_per_principal: float | None = Field(
        100.0, description="Calls per second and key or user, over all replicas.", examples=["100"], gt=0
    )

    def default_limits(self) -> Limits:
        """Return what holds for tenants without quotas of their own."""
        return Limits(
            audio_seconds_per_day=self.quota_audio_seconds_per_day,
            audio_seconds_per_month=self.quota_audio_seconds_per_month,
            stored_bytes=self.quota_stored_bytes,
            concurrent_jobs=self.quota_concurrent_jobs,
            concurrent_streams=self.quota_concurrent_streams,
            open_uploads=self.max_open_uploads,
            api_keys=self.quota_api_keys,
            calls_per_second=self.quota_calls_per_second,
            calls_per_second_per_principal=self.quota_calls_per_second_per_principal,
        )

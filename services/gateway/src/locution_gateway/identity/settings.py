"""Settings of identity and limits, part of the process `api`."""

from __future__ import annotations

from datetime import timedelta

from locution_common.settings import Settings
from pydantic import Field, SecretStr

from locution_gateway.quotas.models import Limits

_GIB = 1024**3


class IdentitySettings(Settings):
    """Who may call, and how much may be used by tenants without quotas of their own."""

    bootstrap_key: SecretStr | None = Field(
        None,
        description="Key whose bearer is the operator, in the tenant `default`, at least 16 characters; unset: nobody.",
        examples=["a line of `openssl rand -hex 32`"],
        min_length=16,
    )
    session_key: SecretStr | None = Field(
        None,
        description="Key that signs the access tokens of people, at least 32 characters; unset: no passwords.",
        examples=["a line of `openssl rand -hex 32`"],
        min_length=32,
    )
    session_issuer: str = Field(
        "https://locution.invalid",
        description="What this installation calls itself in the access tokens of people (`iss`).",
        examples=["https://locution.example.com"],
        min_length=1,
        max_length=512,
    )
    access_token_seconds: int = Field(
        900, description="Seconds that an access token is good.", examples=["900"], ge=10, le=86_400
    )
    refresh_token_seconds: int = Field(
        30 * 86_400, description="Seconds that a session lasts.", examples=["2592000"], ge=60, le=366 * 86_400
    )
    open_registration_tenant: str | None = Field(
        None,
        description="Tenant that anybody may join as a member; unset: an invitation is needed.",
        examples=["default"],
        pattern=r"^[a-z][a-z0-9-]{1,62}$",
    )
    max_calls: int = Field(
        256, description="Unary calls that this process works on at once; more are refused.", examples=["256"], ge=1
    )
    max_streams: int = Field(
        1000,
        description="Streaming calls that this process has open at once.",
        examples=["1000"],
        ge=1,
    )
    anonymous_calls_per_second: float = Field(
        10.0,
        description="Calls a second that one address may make to Login, RefreshSession and Register.",
        examples=["10"],
        gt=0,
    )
    quota_audio_seconds_per_day: int | None = Field(
        None, description="Seconds of audio that a tenant may have transcribed a day (UTC).", examples=["360000"], ge=0
    )
    quota_audio_seconds_per_month: int | None = Field(
        None, description="Seconds of audio that a tenant may have transcribed a month.", examples=["3600000"], ge=0
    )
    quota_stored_bytes: int | None = Field(
        None, description="Bytes of uploads that a tenant may keep.", examples=[str(1024 * _GIB)], ge=0
    )
    quota_concurrent_jobs: int | None = Field(
        1000, description="Jobs of a tenant that are QUEUED or RUNNING at once.", examples=["1000"], ge=0
    )
    quota_concurrent_streams: int | None = Field(
        200, description="Streaming calls of a tenant that are open at once, over all replicas.", examples=["200"], ge=0
    )
    quota_api_keys: int | None = Field(
        1000, description="API keys of a tenant that are ACTIVE.", examples=["1000"], ge=0
    )
    quota_calls_per_second: float | None = Field(
        200.0, description="Calls a second of a tenant, over all replicas.", examples=["200"], gt=0
    )
    quota_calls_per_second_per_principal: float | None = Field(
        100.0, description="Calls a second of one key or user, over all replicas.", examples=["100"], gt=0
    )

    @property
    def access_lifetime(self) -> timedelta:
        """Return how long an access token is good."""
        return timedelta(seconds=self.access_token_seconds)

    @property
    def session_lifetime(self) -> timedelta:
        """Return how long a session lasts."""
        return timedelta(seconds=self.refresh_token_seconds)

    def default_limits(self, open_uploads: int) -> Limits:
        """Return what holds for tenants without quotas of their own."""
        return Limits(
            audio_seconds_per_day=self.quota_audio_seconds_per_day,
            audio_seconds_per_month=self.quota_audio_seconds_per_month,
            stored_bytes=self.quota_stored_bytes,
            concurrent_jobs=self.quota_concurrent_jobs,
            concurrent_streams=self.quota_concurrent_streams,
            open_uploads=open_uploads,
            api_keys=self.quota_api_keys,
            calls_per_second=self.quota_calls_per_second,
            calls_per_second_per_principal=self.quota_calls_per_second_per_principal,
        )

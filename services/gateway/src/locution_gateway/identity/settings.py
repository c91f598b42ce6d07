"""Settings of identity."""

from __future__ import annotations

from datetime import timedelta

from locution_common.settings import Settings
from pydantic import Field, SecretStr


class IdentitySettings(Settings):
    """Settings of authentication."""

    bootstrap_key: SecretStr | None = Field(
        None,
        description="API key of the operator of the tenant `default`, at least 16 characters. Unset: none.",
        examples=["a line of `openssl rand -hex 32`"],
        min_length=16,
    )
    development_key: SecretStr | None = Field(
        None,
        description="API key of the operator of the tenant `default` on a development machine, at least 16 characters.",
        examples=["a line of `openssl rand -hex 32`"],
        min_length=16,
    )
    session_key: SecretStr | None = Field(
        None,
        description="Key that signs the access tokens of users, at least 32 characters. Unset: no passwords.",
        examples=["a line of `openssl rand -hex 32`"],
        min_length=32,
    )
    session_issuer: str = Field(
        "https://locution.invalid",
        description="Issuer (`iss`) of the access tokens of users.",
        examples=["https://locution.example.com"],
        min_length=1,
        max_length=512,
    )
    access_token_seconds: int = Field(
        900, description="Lifetime of an access token in seconds.", examples=["900"], ge=10, le=86_400
    )
    refresh_token_seconds: int = Field(
        30 * 86_400, description="Lifetime of a session in seconds.", examples=["2592000"], ge=60, le=366 * 86_400
    )
    open_registration_tenant: str | None = Field(
        None,
        description="Tenant that anyone may join as a member. Unset: an invitation is required.",
        examples=["default"],
        pattern=r"^[a-z][a-z0-9-]{1,62}$",
    )

    @property
    def access_lifetime(self) -> timedelta:
        """Return the lifetime of an access token."""
        return timedelta(seconds=self.access_token_seconds)

    @property
    def session_lifetime(self) -> timedelta:
        """Return the lifetime of a session."""
        return timedelta(seconds=self.refresh_token_seconds)

    @property
    def operator_key(self) -> SecretStr | None:
        """Return the key of the operator."""
        return self.bootstrap_key or self.development_key

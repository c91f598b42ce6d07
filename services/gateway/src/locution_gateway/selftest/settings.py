"""Settings of the command `selftest`."""

from __future__ import annotations

from pathlib import Path

from locution_common import addresses
from locution_common.settings import ServiceAddress, Settings
from pydantic import Field, SecretStr, field_validator


class SelftestSettings(Settings):
    """Settings of all checks."""

    address: ServiceAddress = Field(description="Address of the api.", examples=["locution-api:50051"])
    tls_ca_file: Path | None = Field(
        None,
        description="PEM certificates to trust in calls to the api. Unset: call it without TLS.",
        examples=["/etc/locution/tls/ca.crt"],
    )
    selftest_server_name: str = Field(
        "",
        description="Name that the api's certificate must have. Empty: the host of LOCUTION_ADDRESS.",
        examples=["speech.example.com"],
    )
    selftest_seconds: float = Field(
        300.0,
        description="Seconds that a check may take, with the wait for services that are starting.",
        examples=["300"],
        gt=0,
        le=3600,
    )


class HealthCheckSettings(SelftestSettings):
    """Settings of the check `health`."""

    selftest_health: str = Field(
        description="Processes besides the api whose health is asked for: NAME=host:port, several separated by commas.",
        examples=["worker=locution-worker:50052,asr=locution-asr:50052"],
    )

    @field_validator("selftest_health")
    @classmethod
    def _are_named(cls, value: str) -> str:
        for name, address in _named(value).items():
            if not name or not _is_address(address):
                raise ValueError(f"{name}={address} is not NAME=host:port")
        return value

    def targets(self) -> dict[str, str]:
        """Return the address of each process by its name."""
        return _named(self.selftest_health)


def _is_address(text: str) -> bool:
    try:
        return bool(addresses.checked(text))
    except ValueError:
        return False


def _named(text: str) -> dict[str, str]:
    parts = (part.strip().partition("=") for part in text.split(","))
    return {name: address for name, _, address in parts}


class WorkCheckSettings(SelftestSettings):
    """Settings of the checks that use the api as tenants do."""

    bootstrap_key: SecretStr = Field(
        description="Bearer key of an operator, which makes a tenant and a key for the check.",
        examples=["a line of `openssl rand -hex 32`"],
        min_length=16,
    )

"""Settings of both processes of the gateway."""

from __future__ import annotations

from locution_common.settings import DatabaseSettings, ObjectStoreSettings, ServiceSettings
from pydantic import Field, field_validator

from locution_gateway.platform.addresses import ClientAddresses, read_networks


class GatewaySettings(ServiceSettings, DatabaseSettings, ObjectStoreSettings):
    """Settings of every process of the gateway."""


class ApiBaseSettings(GatewaySettings):
    """How often the api polls for due work, and whose word on a client's address it takes."""

    reaper_seconds: float = Field(
        5.0, description="Seconds between two rounds of the reaper.", examples=["5"], gt=0, le=3600
    )
    trusted_proxies: str = Field(
        "",
        description="Comma-separated networks of proxies before the api, whose `x-forwarded-for` names the client.",
        examples=["10.20.0.0/16,fd00:20::/48"],
    )

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        read_networks(value)
        return value

    def client_addresses(self) -> ClientAddresses:
        """Return what tells the address of a client."""
        return ClientAddresses(read_networks(self.trusted_proxies))


class WorkerBaseSettings(GatewaySettings):
    """How often the worker polls for work."""

    poll_seconds: float = Field(
        2.0, description="Seconds between polls for work, in case a notification was lost.", examples=["2"], gt=0, le=60
    )

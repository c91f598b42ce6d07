"""Settings of both processes of the gateway, and of the process `migrate`."""

from __future__ import annotations

from locution_common.settings import DatabaseSettings, ObjectStoreSettings, ServiceSettings
from pydantic import Field


class GatewaySettings(ServiceSettings, DatabaseSettings, ObjectStoreSettings):
    """Settings of every process of the gateway."""


class ApiBaseSettings(GatewaySettings):
    """How often the api polls for due work."""

    reaper_seconds: float = Field(
        5.0, description="Seconds between two rounds of the reaper.", examples=["5"], gt=0, le=3600
    )


class WorkerBaseSettings(GatewaySettings):
    """How often the worker polls for work."""

    poll_seconds: float = Field(
        2.0, description="Seconds between polls for work, in case a notification was lost.", examples=["2"], gt=0, le=60
    )


class MigrateSettings(DatabaseSettings):
    """Settings of the process `migrate`."""

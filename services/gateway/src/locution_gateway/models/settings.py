"""Settings of models."""

from __future__ import annotations

from locution_common.addresses import FORM
from locution_common.settings import ServiceAddress, Settings
from pydantic import Field


class ModelSettings(Settings):
    """The address and the timeouts of the registry."""

    registry_address: ServiceAddress = Field(description=f"Registry: {FORM}.", examples=["registry:50051"])
    registry_timeout: float = Field(
        5.0, description="Timeout in seconds of a call to the registry.", examples=["5"], gt=0, le=60
    )
    register_timeout: float = Field(
        600.0,
        description="Timeout in seconds for the registry to hash a model's files.",
        examples=["600"],
        gt=0,
        le=3600,
    )

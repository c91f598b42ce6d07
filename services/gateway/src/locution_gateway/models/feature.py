"""Open the registry's models."""

from __future__ import annotations

from typing import Any

from locution.v1.model_service_pb2_grpc import add_ModelServiceServicer_to_server

from locution_gateway.models.registry import RegistryModels
from locution_gateway.models.servicer import Models
from locution_gateway.models.settings import ModelSettings
from locution_gateway.platform.assembly import Assembly


async def open_api(assembly: Assembly[Any]) -> None:
    """Serve ModelService."""
    settings = assembly.settings(ModelSettings)
    channel = await assembly.channel(settings.registry_address)
    registry = assembly.provide(RegistryModels(channel, settings.registry_timeout, settings.register_timeout))
    assembly.serve("locution.v1.ModelService", add_ModelServiceServicer_to_server, Models(registry))

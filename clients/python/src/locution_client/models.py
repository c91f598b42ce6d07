"""List, register, enable and disable models."""

from __future__ import annotations

import grpc
from locution.v1 import model_service_pb2 as pb
from locution.v1.model_service_pb2_grpc import ModelServiceStub

from locution_client.calls import Access
from locution_client.service import Service

REGISTER_DEADLINE = 600.0
"""Seconds for a call that reads all of a model's files."""


class Models(Service):
    """Call ModelService."""

    def __init__(self, channel: grpc.aio.Channel, access: Access) -> None:
        super().__init__(access)
        self._stub = ModelServiceStub(channel)

    async def all(self) -> list[pb.Model]:
        """List every model."""
        return await self._list(self._stub.ListModels, pb.ListModelsRequest(), "models")

    async def get(self, model: str) -> pb.Model:
        """Read one model."""
        return await self._call(self._stub.GetModel, pb.GetModelRequest(name=f"models/{model}"))

    async def register(self, model: str, *, make_default: bool = False) -> pb.Model:
        """Register `<set>/<model>` below the models root."""
        request = pb.RegisterModelRequest(name=f"models/{model}", make_default=make_default)
        return await self._call(self._stub.RegisterModel, request, timeout=REGISTER_DEADLINE)

    async def set_default(self, model: str) -> pb.Model:
        """Make a registered model the default of its kind."""
        return await self._call(self._stub.SetDefaultModel, pb.SetDefaultModelRequest(name=f"models/{model}"))

    async def disable(self, model: str, reason: str) -> pb.Model:
        """Disable a model for new jobs; running jobs continue."""
        return await self._call(self._stub.DisableModel, pb.DisableModelRequest(name=f"models/{model}", reason=reason))

    async def enable(self, model: str) -> pb.Model:
        """Enable a model whose files are unchanged."""
        request = pb.EnableModelRequest(name=f"models/{model}")
        return await self._call(self._stub.EnableModel, request, timeout=REGISTER_DEADLINE)

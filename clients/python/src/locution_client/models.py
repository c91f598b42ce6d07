"""List and register models."""

from __future__ import annotations

import grpc
from locution.v1 import model_service_pb2 as pb
from locution.v1.model_service_pb2_grpc import ModelServiceStub

from locution_client.calls import DEADLINE, retrying

REGISTER_DEADLINE = 600.0
"""Seconds for a registration, which reads all of a weight's files."""


class Models:
    """Call ModelService."""

    def __init__(self, channel: grpc.aio.Channel, metadata: tuple[tuple[str, str], ...]) -> None:
        self._stub = ModelServiceStub(channel)
        self._metadata = metadata

    async def all(self) -> list[pb.Model]:
        """List every model."""
        models: list[pb.Model] = []
        token = ""
        while True:
            page = await self._page(pb.ListModelsRequest(page_size=1000, page_token=token))
            models.extend(page.models)
            token = page.next_page_token
            if not token:
                return models

    async def register(self, weight: str, *, make_default: bool = False) -> pb.Model:
        """Register `<set>/<weight>` below the models root."""
        request = pb.RegisterModelRequest(name=f"models/{weight}", make_default=make_default)
        return await retrying(
            lambda: self._stub.RegisterModel(request, metadata=self._metadata, timeout=REGISTER_DEADLINE)
        )

    async def set_default(self, weight: str) -> pb.Model:
        """Make a registered weight the default of its kind."""
        request = pb.SetDefaultModelRequest(name=f"models/{weight}")
        return await retrying(lambda: self._stub.SetDefaultModel(request, metadata=self._metadata, timeout=DEADLINE))

    async def _page(self, request: pb.ListModelsRequest) -> pb.ListModelsResponse:
        return await retrying(lambda: self._stub.ListModels(request, metadata=self._metadata, timeout=DEADLINE))

"""Stand in for the registry: the same API over a socket, its models set by the test."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1 import registry_service_pb2_grpc
from locution.v1 import model_service_pb2 as models


@dataclass
class Registry(registry_service_pb2_grpc.RegistryServiceServicer):
    """Answer GetModel from `models`, and keep what engines report."""

    models: dict[str, pb.RegisteredModel] = field(default_factory=dict)
    reports: list[list[str]] = field(default_factory=list)
    address: str = ""

    async def GetModel(
        self, request: pb.GetModelRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.RegisteredModel:
        if request.path not in self.models:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such model")
        return self.models[request.path]

    async def ReportServing(
        self, request: pb.ReportServingRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.ReportServingResponse:
        self.reports.append(list(request.paths))
        answer = pb.ReportServingResponse()
        answer.ttl.FromSeconds(4)
        return answer

    def add(self, name: str, folder: Path) -> pb.RegisteredModel:
        """Register a folder as the real registry does: every file with its digest."""
        files = [
            pb.ModelFile(path=str(path.relative_to(folder)), size_bytes=path.stat().st_size, sha256=digest(path))
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        ]
        model = models.Model(
            name=f"models/{name}",
            kind=models.MODEL_KIND_DIARIZATION,
            provider="pyannote",
            size_bytes=sum(file.size_bytes for file in files),
            checksum=hashlib.sha256("".join(f.path + f.sha256 for f in files).encode()).hexdigest(),
            state=models.Model.STATE_ENABLED,
        )
        self.models[name] = pb.RegisteredModel(resource=model, path=name, files=files)
        return self.models[name]


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@asynccontextmanager
async def serving_registry() -> AsyncIterator[Registry]:
    """Serve a stand-in on a free port."""
    registry, server = Registry(), grpc.aio.server()  # type: ignore[abstract]  # engines call these two alone
    registry_service_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
    registry.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield registry
    finally:
        await server.stop(0)

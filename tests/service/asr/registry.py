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
from locution.v1 import model_service_pb2 as models

SERVICE = pb.DESCRIPTOR.services_by_name["RegistryService"].full_name


@dataclass
class Registry:
    """Answer what engines ask, from `models`, and keep what they report."""

    models: dict[str, pb.RegisteredModel] = field(default_factory=dict)
    reports: list[list[str]] = field(default_factory=list)
    qualifications: list[pb.RecordQualificationRequest] = field(default_factory=list)
    address: str = ""
    away: bool = False

    async def GetModel(
        self, request: pb.GetModelRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.RegisteredModel:
        if self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
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

    async def RecordQualification(
        self, request: pb.RecordQualificationRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.RegisteredModel:
        self.qualifications.append(request)
        model = self.models[request.path]
        model.resource.qualification.passed = (
            request.fast_word_error_rate - request.accurate_word_error_rate <= 0.005
            and not request.destroyed_recording_count
        )
        model.resource.qualification.min_encoder_input.CopyFrom(request.min_encoder_input)
        return model

    def add(self, name: str, folder: Path, *, fast: bool = False) -> pb.RegisteredModel:
        """Register a folder as the real registry does: every file with its digest."""
        files = [
            pb.ModelFile(path=path.name, size_bytes=path.stat().st_size, sha256=digest(path))
            for path in sorted(folder.iterdir())
        ]
        model = models.Model(
            name=f"models/{name}",
            kind=models.MODEL_KIND_ASR,
            provider="faster-whisper",
            size_bytes=sum(file.size_bytes for file in files),
            checksum=hashlib.sha256("".join(f.path + f.sha256 for f in files).encode()).hexdigest(),
            state=models.Model.STATE_ENABLED,
        )
        if fast:
            model.qualification.passed = True
        self.models[name] = pb.RegisteredModel(resource=model, path=name, files=files)
        return self.models[name]


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@asynccontextmanager
async def serving_registry() -> AsyncIterator[Registry]:
    """Serve a stand-in on a free port."""
    registry, server = Registry(), grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "GetModel": grpc.unary_unary_rpc_method_handler(
            registry.GetModel, pb.GetModelRequest.FromString, pb.RegisteredModel.SerializeToString
        ),
        "RecordQualification": grpc.unary_unary_rpc_method_handler(
            registry.RecordQualification, pb.RecordQualificationRequest.FromString, pb.RegisteredModel.SerializeToString
        ),
        "ReportServing": grpc.unary_unary_rpc_method_handler(
            registry.ReportServing, pb.ReportServingRequest.FromString, pb.ReportServingResponse.SerializeToString
        ),
    }
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, handlers)])
    registry.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield registry
    finally:
        await server.stop(0)

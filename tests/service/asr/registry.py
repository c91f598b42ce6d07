"""Stand in for the registry: the same API over a socket, its weights set by the test."""

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
    """Answer what engines ask, from `weights`, and keep what they report."""

    weights: dict[str, pb.Weight] = field(default_factory=dict)
    reports: list[list[str]] = field(default_factory=list)
    verdicts: list[pb.RecordVerdictRequest] = field(default_factory=list)
    address: str = ""
    away: bool = False

    async def GetWeight(self, request: pb.GetWeightRequest, context: grpc.aio.ServicerContext[Any, Any]) -> pb.Weight:
        if self.away:
            await context.abort(grpc.StatusCode.UNAVAILABLE, "away")
        if request.path not in self.weights:
            await context.abort(grpc.StatusCode.NOT_FOUND, "no such weight")
        return self.weights[request.path]

    async def ReportServing(
        self, request: pb.ReportServingRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.ReportServingResponse:
        self.reports.append(list(request.paths))
        answer = pb.ReportServingResponse()
        answer.ttl.FromSeconds(4)
        return answer

    async def RecordVerdict(
        self, request: pb.RecordVerdictRequest, context: grpc.aio.ServicerContext[Any, Any]
    ) -> pb.Weight:
        self.verdicts.append(request)
        weight = self.weights[request.path]
        weight.model.verdict.passed = request.fast_word_error_rate - request.accurate_word_error_rate <= 0.005
        weight.model.verdict.min_encoder_input.CopyFrom(request.min_encoder_input)
        return weight

    def add(self, name: str, folder: Path, *, fast: bool = False) -> pb.Weight:
        """Register a folder as the real registry does: every file with its digest."""
        files = [
            pb.WeightFile(path=path.name, size_bytes=path.stat().st_size, sha256=digest(path))
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
            model.verdict.passed = True
        self.weights[name] = pb.Weight(model=model, path=name, files=files)
        return self.weights[name]


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@asynccontextmanager
async def serving_registry() -> AsyncIterator[Registry]:
    """Serve a stand-in on a free port."""
    registry, server = Registry(), grpc.aio.server()
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "GetWeight": grpc.unary_unary_rpc_method_handler(
            registry.GetWeight, pb.GetWeightRequest.FromString, pb.Weight.SerializeToString
        ),
        "RecordVerdict": grpc.unary_unary_rpc_method_handler(
            registry.RecordVerdict, pb.RecordVerdictRequest.FromString, pb.Weight.SerializeToString
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

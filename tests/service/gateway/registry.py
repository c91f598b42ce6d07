"""Stand in for the registry: the same API over a socket, its weights set by the test.

The only part of these tests that is not real: Postgres, the object store and the gateway's own process code are.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1 import registry_service_pb2_grpc
from locution.v1 import model_service_pb2 as models
from locution_common.errors import Reason, Refused
from locution_common.interceptors import status_of

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Registry(registry_service_pb2_grpc.RegistryServiceServicer):
    """Resolves a choice, else the first weight of the kind; refuses as the real one does."""

    weights: dict[str, models.Model] = field(default_factory=dict)
    registered: list[pb.RegisterWeightRequest] = field(default_factory=list)
    fallback: str | None = None
    address: str = ""

    def add(self, path: str, kind: models.ModelKind.ValueType, **capabilities: Any) -> models.Model:
        model = models.Model(
            name=f"models/{path}",
            kind=kind,
            checksum=f"{len(self.weights):064d}",
            state=models.Model.STATE_ENABLED,
            capabilities=models.ModelCapabilities(**capabilities),
        )
        self.weights[path] = model
        return model

    async def ResolveWeight(self, request: pb.ResolveWeightRequest, context: Context) -> pb.ResolveWeightResponse:
        if request.choice:
            model = await self._get(request.choice, context)
        else:
            found = [model for model in self.weights.values() if model.kind == request.kind]
            model = (
                found[0]
                if found
                else await refuse(context, Refused(Reason.MODEL_NONE_USABLE, "no usable model is registered"))
            )
        return pb.ResolveWeightResponse(weight=_weight(model), fallback=self.fallback)

    async def GetWeight(self, request: pb.GetWeightRequest, context: Context) -> pb.Weight:
        return _weight(await self._get(request.path, context))

    async def ListWeights(self, request: pb.ListWeightsRequest, context: Context) -> pb.ListWeightsResponse:
        found = [model for _, model in sorted(self.weights.items()) if request.kind in (0, model.kind)]
        return pb.ListWeightsResponse(weights=map(_weight, found))

    async def RegisterWeight(self, request: pb.RegisterWeightRequest, context: Context) -> pb.Weight:
        if request.path in self.weights:
            await refuse(context, Refused(Reason.MODEL_ALREADY_REGISTERED, "registered already"))
        self.registered.append(request)
        return _weight(self.add(request.path, models.MODEL_KIND_ASR))

    async def DisableWeight(self, request: pb.DisableWeightRequest, context: Context) -> pb.Weight:
        model = await self._get(request.path, context)
        model.state, model.state_reason = models.Model.STATE_DISABLED, request.reason
        return _weight(model)

    async def SetDefaultWeight(self, request: pb.SetDefaultWeightRequest, context: Context) -> pb.Weight:
        model = await self._get(request.path, context)
        model.is_default = True
        return _weight(model)

    async def EnableWeight(self, request: pb.EnableWeightRequest, context: Context) -> pb.Weight:
        model = await self._get(request.path, context)
        model.state = models.Model.STATE_ENABLED
        return _weight(model)

    async def RecordVerdict(self, request: pb.RecordVerdictRequest, context: Context) -> pb.Weight:
        raise NotImplementedError  # no caller of the gateway records verdicts

    async def ReportServing(self, request: pb.ReportServingRequest, context: Context) -> pb.ReportServingResponse:
        raise NotImplementedError  # engines report, the gateway does not

    async def _get(self, path: str, context: Context) -> models.Model:
        if path not in self.weights:
            await refuse(context, Refused(Reason.MODEL_NOT_FOUND, f"there is no model {path}"))
        return self.weights[path]


async def refuse(context: Context, error: Refused) -> Any:
    """End the call as a Locution service does."""
    status = status_of(error, "test")
    await context.abort(status.code, status.details, status.trailing_metadata)


def _weight(model: models.Model) -> pb.Weight:
    return pb.Weight(model=model, path=model.name.removeprefix("models/"))


@asynccontextmanager
async def serving_registry() -> AsyncIterator[Registry]:
    """Serve a stand-in with one model of each kind on a free port."""
    registry, server = Registry(), grpc.aio.server()
    speech = {"language_detection": True, "translation": True, "word_times": True, "prompt": True}
    registry.add("whisper/base", models.MODEL_KIND_ASR, languages=["en", "de", "fr"], **speech)
    registry.add("whisper/tiny.en", models.MODEL_KIND_ASR, languages=["en"], word_times=True)
    registry.add("pyannote/one", models.MODEL_KIND_DIARIZATION, speaker_counts=True, overlap=True)
    registry_service_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
    registry.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield registry
    finally:
        await server.stop(0)

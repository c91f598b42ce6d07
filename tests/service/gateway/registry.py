"""Stand in for the registry: the same API over a socket, its models set by the test.

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
from locution.v1 import model_service_pb2 as public
from locution_common.errors import Reason, Refused
from locution_common.interceptors import status_of

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Registry(registry_service_pb2_grpc.RegistryServiceServicer):
    """Resolves a choice, else the first model of the kind; refuses as the real one does."""

    models: dict[str, public.Model] = field(default_factory=dict)
    registered: list[pb.RegisterModelRequest] = field(default_factory=list)
    fallback: str | None = None
    address: str = ""

    def add(self, path: str, kind: public.ModelKind.ValueType, **capabilities: Any) -> public.Model:
        model = public.Model(
            name=f"models/{path}",
            kind=kind,
            checksum=f"{len(self.models):064d}",
            state=public.Model.STATE_ENABLED,
            capabilities=public.ModelCapabilities(**capabilities),
        )
        self.models[path] = model
        return model

    async def ResolveModel(self, request: pb.ResolveModelRequest, context: Context) -> pb.ResolveModelResponse:
        if request.choice:
            model = await self._get(request.choice, context)
        else:
            found = [model for model in self.models.values() if model.kind == request.kind]
            model = (
                found[0]
                if found
                else await refuse(context, Refused(Reason.MODEL_NONE_USABLE, "no usable model is registered"))
            )
        return pb.ResolveModelResponse(model=_model(model), fallback=self.fallback)

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.RegisteredModel:
        return _model(await self._get(request.path, context))

    async def ListModels(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        found = [model for _, model in sorted(self.models.items()) if request.kind in (0, model.kind)]
        return pb.ListModelsResponse(models=map(_model, found))

    async def RegisterModel(self, request: pb.RegisterModelRequest, context: Context) -> pb.RegisteredModel:
        if request.path in self.models:
            await refuse(context, Refused(Reason.MODEL_ALREADY_REGISTERED, "registered already"))
        self.registered.append(request)
        return _model(self.add(request.path, public.MODEL_KIND_ASR))

    async def DisableModel(self, request: pb.DisableModelRequest, context: Context) -> pb.RegisteredModel:
        model = await self._get(request.path, context)
        model.state, model.state_reason = public.Model.STATE_DISABLED, request.reason
        return _model(model)

    async def SetDefaultModel(self, request: pb.SetDefaultModelRequest, context: Context) -> pb.RegisteredModel:
        model = await self._get(request.path, context)
        model.is_default = True
        return _model(model)

    async def EnableModel(self, request: pb.EnableModelRequest, context: Context) -> pb.RegisteredModel:
        model = await self._get(request.path, context)
        model.state = public.Model.STATE_ENABLED
        return _model(model)

    async def RecordQualification(self, request: pb.RecordQualificationRequest, context: Context) -> pb.RegisteredModel:
        raise NotImplementedError  # no caller of the gateway records qualifications

    async def ReportServing(self, request: pb.ReportServingRequest, context: Context) -> pb.ReportServingResponse:
        raise NotImplementedError  # engines report, the gateway does not

    async def _get(self, path: str, context: Context) -> public.Model:
        if path not in self.models:
            await refuse(context, Refused(Reason.MODEL_NOT_FOUND, f"there is no model {path}"))
        return self.models[path]


async def refuse(context: Context, error: Refused) -> Any:
    """End the call as a Locution service does."""
    status = status_of(error, "test")
    await context.abort(status.code, status.details, status.trailing_metadata)


def _model(model: public.Model) -> pb.RegisteredModel:
    return pb.RegisteredModel(resource=model, path=model.name.removeprefix("models/"))


@asynccontextmanager
async def serving_registry() -> AsyncIterator[Registry]:
    """Serve a stand-in with one model of each kind on a free port."""
    registry, server = Registry(), grpc.aio.server()
    speech = {"language_detection": True, "translation": True, "word_times": True, "prompt": True}
    registry.add("whisper/base", public.MODEL_KIND_ASR, languages=["en", "de", "fr"], **speech)
    registry.add("whisper/tiny.en", public.MODEL_KIND_ASR, languages=["en"], word_times=True)
    registry.add("pyannote/one", public.MODEL_KIND_DIARIZATION, speaker_counts=True, overlap=True)
    registry_service_pb2_grpc.add_RegistryServiceServicer_to_server(registry, server)
    registry.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield registry
    finally:
        await server.stop(0)

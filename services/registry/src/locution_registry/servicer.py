"""RegistryService: each method converts, calls a use case, and converts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceServicer

from . import convert
from .core.disable_model import DisableModel
from .core.enable_model import EnableModel
from .core.get_model import GetModel
from .core.list_models import ListModels
from .core.record_qualification import RecordQualification
from .core.register_model import RegisterModel
from .core.report_serving import ReportServing
from .core.resolve_model import ResolveModel
from .core.set_default_model import SetDefaultModel
from .domain.models import Actor, ModelPath, Replica

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class UseCases:
    """The registry's use cases, one per method."""

    register: RegisterModel
    get: GetModel
    list: ListModels
    resolve: ResolveModel
    set_default: SetDefaultModel
    disable: DisableModel
    enable: EnableModel
    record_qualification: RecordQualification
    report_serving: ReportServing


class RegistryServicer(RegistryServiceServicer):
    """Serve locution.registry.v1.RegistryService."""

    def __init__(self, use_cases: UseCases) -> None:
        self._do = use_cases

    async def RegisterModel(self, request: pb.RegisterModelRequest, context: Context) -> pb.RegisteredModel:
        """Register a folder."""
        model = await self._do.register.run(
            ModelPath.parse(request.path),
            Actor(request.actor),
            make_default=request.make_default,
            validate_only=request.validate_only,
        )
        return convert.model_to_proto(model)

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.RegisteredModel:
        """Read a model."""
        return convert.model_to_proto(await self._do.get.run(convert.known_path(request.path)))

    async def ListModels(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        """List models."""
        kind = convert.optional_kind(request.kind)
        return convert.page_to_proto(await self._do.list.run(kind, request.page_size, request.page_token))

    async def ResolveModel(self, request: pb.ResolveModelRequest, context: Context) -> pb.ResolveModelResponse:
        """Choose a job's model."""
        chosen = await self._do.resolve.run(convert.kind(request.kind), convert.choice(request.choice))
        return convert.resolution_to_proto(chosen)

    async def SetDefaultModel(self, request: pb.SetDefaultModelRequest, context: Context) -> pb.RegisteredModel:
        """Make a model the default."""
        model = await self._do.set_default.run(convert.known_path(request.path), Actor(request.actor))
        return convert.model_to_proto(model)

    async def DisableModel(self, request: pb.DisableModelRequest, context: Context) -> pb.RegisteredModel:
        """Disable a model."""
        path = convert.known_path(request.path)
        return convert.model_to_proto(await self._do.disable.run(path, request.reason, Actor(request.actor)))

    async def EnableModel(self, request: pb.EnableModelRequest, context: Context) -> pb.RegisteredModel:
        """Enable a model."""
        model = await self._do.enable.run(convert.known_path(request.path), Actor(request.actor))
        return convert.model_to_proto(model)

    async def RecordQualification(self, request: pb.RecordQualificationRequest, context: Context) -> pb.RegisteredModel:
        """Store a model's qualification."""
        model = await self._do.record_qualification.run(
            convert.known_path(request.path), request.checksum, convert.qualification(request), Actor(request.actor)
        )
        return convert.model_to_proto(model)

    async def ReportServing(self, request: pb.ReportServingRequest, context: Context) -> pb.ReportServingResponse:
        """Store which models an engine holds."""
        paths = [convert.known_path(path) for path in request.paths]
        ttl = await self._do.report_serving.run(Replica(request.replica), convert.kind(request.kind), paths)
        return convert.ttl_to_proto(ttl)

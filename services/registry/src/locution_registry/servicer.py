"""RegistryService: each method converts, calls a use case, and converts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import grpc
from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceServicer

from . import convert
from .core.disable_model import DisableWeight
from .core.enable_model import EnableWeight
from .core.get_model import GetWeight
from .core.list_models import ListWeights
from .core.record_verdict import RecordVerdict
from .core.register_model import RegisterWeight
from .core.report_serving import ReportServing
from .core.resolve_model import ResolveWeight
from .core.set_default_model import SetDefaultWeight
from .domain.models import Actor, Replica, WeightPath

Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class UseCases:
    """What the registry does, one for each method."""

    register: RegisterWeight
    get: GetWeight
    list: ListWeights
    resolve: ResolveWeight
    set_default: SetDefaultWeight
    disable: DisableWeight
    enable: EnableWeight
    record_verdict: RecordVerdict
    report_serving: ReportServing


class RegistryServicer(RegistryServiceServicer):
    """Answer locution.registry.v1.RegistryService."""

    def __init__(self, use_cases: UseCases) -> None:
        self._do = use_cases

    async def RegisterWeight(self, request: pb.RegisterWeightRequest, context: Context) -> pb.Weight:
        """Register a folder."""
        weight = await self._do.register.run(
            WeightPath.parse(request.path),
            Actor(request.actor),
            make_default=request.make_default,
            validate_only=request.validate_only,
        )
        return convert.weight_to_proto(weight)

    async def GetWeight(self, request: pb.GetWeightRequest, context: Context) -> pb.Weight:
        """Read a weight."""
        return convert.weight_to_proto(await self._do.get.run(convert.known_path(request.path)))

    async def ListWeights(self, request: pb.ListWeightsRequest, context: Context) -> pb.ListWeightsResponse:
        """List weights."""
        kind = convert.optional_kind(request.kind)
        return convert.page_to_proto(await self._do.list.run(kind, request.page_size, request.page_token))

    async def ResolveWeight(self, request: pb.ResolveWeightRequest, context: Context) -> pb.ResolveWeightResponse:
        """Choose a job's weight."""
        chosen = await self._do.resolve.run(convert.kind(request.kind), convert.choice(request.choice))
        return convert.resolution_to_proto(chosen)

    async def SetDefaultWeight(self, request: pb.SetDefaultWeightRequest, context: Context) -> pb.Weight:
        """Make a weight the default."""
        weight = await self._do.set_default.run(convert.known_path(request.path), Actor(request.actor))
        return convert.weight_to_proto(weight)

    async def DisableWeight(self, request: pb.DisableWeightRequest, context: Context) -> pb.Weight:
        """Take a weight out of use."""
        path = convert.known_path(request.path)
        return convert.weight_to_proto(await self._do.disable.run(path, request.reason, Actor(request.actor)))

    async def EnableWeight(self, request: pb.EnableWeightRequest, context: Context) -> pb.Weight:
        """Take a weight into use again."""
        weight = await self._do.enable.run(convert.known_path(request.path), Actor(request.actor))
        return convert.weight_to_proto(weight)

    async def RecordVerdict(self, request: pb.RecordVerdictRequest, context: Context) -> pb.Weight:
        """Keep the gate's verdict."""
        weight = await self._do.record_verdict.run(
            convert.known_path(request.path), request.checksum, convert.verdict(request), Actor(request.actor)
        )
        return convert.weight_to_proto(weight)

    async def ReportServing(self, request: pb.ReportServingRequest, context: Context) -> pb.ReportServingResponse:
        """Remember what an engine holds."""
        paths = [convert.known_path(path) for path in request.paths]
        ttl = await self._do.report_serving.run(Replica(request.replica), convert.kind(request.kind), paths)
        return convert.ttl_to_proto(ttl)

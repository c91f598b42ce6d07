"""ModelService: the registry's models, for those who may see and change them."""

from __future__ import annotations

from dataclasses import dataclass

from locution.v1 import model_service_pb2 as pb
from locution.v1.model_service_pb2_grpc import ModelServiceServicer
from locution_common.auth import caller
from locution_common.errors import Reason, Refused

from locution_gateway.models.registry import RegistryModels
from locution_gateway.platform.authorise import require
from locution_gateway.platform.principal import Principal, Role
from locution_gateway.platform.servicer import Context

PREFIX = "models/"


@dataclass(frozen=True, slots=True)
class Models(ModelServiceServicer):
    """Shows and manages models."""

    registry: RegistryModels

    async def RegisterModel(self, request: pb.RegisterModelRequest, context: Context) -> pb.Model:
        principal = _operator()
        return await self.registry.register(principal, _path(request.name), request.make_default, request.validate_only)

    async def GetModel(self, request: pb.GetModelRequest, context: Context) -> pb.Model:
        return await self.registry.get(_path(request.name))

    async def ListModels(self, request: pb.ListModelsRequest, context: Context) -> pb.ListModelsResponse:
        return await self.registry.list(request)

    async def SetDefaultModel(self, request: pb.SetDefaultModelRequest, context: Context) -> pb.Model:
        return await self.registry.set_default(_operator(), _path(request.name))

    async def DisableModel(self, request: pb.DisableModelRequest, context: Context) -> pb.Model:
        return await self.registry.disable(_operator(), _path(request.name), request.reason)

    async def EnableModel(self, request: pb.EnableModelRequest, context: Context) -> pb.Model:
        return await self.registry.enable(_operator(), _path(request.name))


def _operator() -> Principal:
    """Return the caller; models belong to the installation, so only its operator changes them."""
    principal = caller(Principal)
    require(principal, Role.OPERATOR)
    return principal


def _path(name: str) -> str:
    if not name.startswith(PREFIX):
        raise Refused(Reason.MODEL_PATH_INVALID, "a model's name is models/<set>/<model>")
    return name.removeprefix(PREFIX)

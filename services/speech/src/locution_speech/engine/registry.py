"""Ask the registry which models an engine may use, and report which are loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution.v1 import model_service_pb2 as models

from .directory import TIMEOUT, CachedDirectory, ServingReports, replica_name
from .models import ModelFile, ModelName, ModelRecord

R = TypeVar("R", bound=ModelRecord)


@dataclass(frozen=True, slots=True)
class EngineKind:
    """The kind and provider of an engine's models. `service` is the engine's name, `noun` describes such a model."""

    service: str
    kind: models.ModelKind.ValueType
    provider: str
    noun: str

    def record(self, name: ModelName, registered: pb.RegisteredModel) -> ModelRecord:
        """Return what every engine reads of a registered model."""
        model = registered.resource
        files = tuple(ModelFile(file.path, file.sha256) for file in registered.files)
        return ModelRecord(name, model.checksum, model.size_bytes, self._refusal(model), files)

    def directory(
        self, stub: RegistryServiceStub, record: Callable[[ModelName, pb.RegisteredModel], R]
    ) -> CachedDirectory[R]:
        """Return a directory of the registry's models; `record` reads an answer."""

        async def read(name: ModelName) -> R:
            return record(name, await stub.GetModel(pb.GetModelRequest(path=name), timeout=TIMEOUT))

        return CachedDirectory(read)

    def reports(self, stub: RegistryServiceStub, loaded: Callable[[], Sequence[ModelName]]) -> ServingReports:
        """Return the task that reports within half of each validity that the registry grants."""

        async def send(replica: str, paths: Sequence[ModelName]) -> float:
            request = pb.ReportServingRequest(replica=replica, kind=self.kind, paths=paths)
            answer = await stub.ReportServing(request, timeout=TIMEOUT)
            return answer.ttl.ToNanoseconds() / 2e9

        return ServingReports(send, loaded, replica_name(self.service))

    def _refusal(self, model: models.Model) -> str | None:
        if model.kind != self.kind or model.provider != self.provider:
            return f"it is no {self.noun} of this engine"
        if model.state != models.Model.STATE_ENABLED:
            return model.state_reason or models.Model.State.Name(model.state).removeprefix("STATE_").lower()
        return None

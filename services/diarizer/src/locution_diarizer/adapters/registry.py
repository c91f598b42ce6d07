"""Ask the registry which models may be used, and tell it which are loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution.v1 import model_service_pb2 as models
from locution_speech.engine.directory import TIMEOUT, CachedDirectory, ServingReports, replica_name
from locution_speech.engine.models import ModelFile, ModelName, ModelRecord

PROVIDER = "pyannote"


def directory(stub: RegistryServiceStub) -> CachedDirectory[ModelRecord]:
    """Return what the registry knows of models."""

    async def read(name: ModelName) -> ModelRecord:
        return _record(name, await stub.GetModel(pb.GetModelRequest(path=name), timeout=TIMEOUT))

    return CachedDirectory(read)


def reports(stub: RegistryServiceStub, loaded: Callable[[], Sequence[ModelName]]) -> ServingReports:
    """Return the task that reports within every half of the time that the registry grants."""

    async def send(replica: str, paths: Sequence[ModelName]) -> float:
        request = pb.ReportServingRequest(replica=replica, kind=models.MODEL_KIND_DIARIZATION, paths=paths)
        answer = await stub.ReportServing(request, timeout=TIMEOUT)
        return answer.ttl.ToNanoseconds() / 2e9

    return ServingReports(send, loaded, replica_name("diarizer"))


def _record(name: ModelName, registered: pb.RegisteredModel) -> ModelRecord:
    model = registered.resource
    return ModelRecord(
        name=name,
        checksum=model.checksum,
        size=model.size_bytes,
        refusal=_refusal(model),
        files=tuple(ModelFile(file.path, file.sha256) for file in registered.files),
    )


def _refusal(model: models.Model) -> str | None:
    if model.kind != models.MODEL_KIND_DIARIZATION or model.provider != PROVIDER:
        return "it is no diarization model of this engine"
    if model.state != models.Model.STATE_ENABLED:
        return model.state_reason or models.Model.State.Name(model.state).removeprefix("STATE_").lower()
    return None

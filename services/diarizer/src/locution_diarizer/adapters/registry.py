"""Ask the registry which weights may be used, and tell it which are loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution.v1 import model_service_pb2 as models
from locution_speech.engine.directory import TIMEOUT, CachedDirectory, ServingReports, replica_name
from locution_speech.engine.models import WeightFile, WeightName, WeightRecord

PROVIDER = "pyannote"


def directory(stub: RegistryServiceStub) -> CachedDirectory[WeightRecord]:
    """Return what the registry knows of weights."""

    async def read(name: WeightName) -> WeightRecord:
        return _record(name, await stub.GetWeight(pb.GetWeightRequest(path=name), timeout=TIMEOUT))

    return CachedDirectory(read)


def reports(stub: RegistryServiceStub, loaded: Callable[[], Sequence[WeightName]]) -> ServingReports:
    """Return the task that reports within every half of the time that the registry grants."""

    async def send(replica: str, paths: Sequence[WeightName]) -> float:
        request = pb.ReportServingRequest(replica=replica, kind=models.MODEL_KIND_DIARIZATION, paths=paths)
        answer = await stub.ReportServing(request, timeout=TIMEOUT)
        return answer.ttl.ToNanoseconds() / 2e9

    return ServingReports(send, loaded, replica_name("diarizer"))


def _record(name: WeightName, weight: pb.Weight) -> WeightRecord:
    model = weight.model
    return WeightRecord(
        name=name,
        checksum=model.checksum,
        size=model.size_bytes,
        refusal=_refusal(model),
        files=tuple(WeightFile(file.path, file.sha256) for file in weight.files),
    )


def _refusal(model: models.Model) -> str | None:
    if model.kind != models.MODEL_KIND_DIARIZATION or model.provider != PROVIDER:
        return "it is no diarization model of this engine"
    if model.state != models.Model.STATE_ENABLED:
        return model.state_reason or models.Model.State.Name(model.state).removeprefix("STATE_").lower()
    return None

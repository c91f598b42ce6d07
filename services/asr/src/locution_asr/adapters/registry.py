"""Read a registered model's record, including its qualification for FAST."""

from __future__ import annotations

from dataclasses import fields
from typing import Final

from locution.registry.v1 import registry_service_pb2 as pb
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution.v1 import model_service_pb2 as models
from locution_speech.clock import samples
from locution_speech.engine.directory import CachedDirectory
from locution_speech.engine.models import ModelName
from locution_speech.engine.registry import EngineKind

from locution_asr.domain.models import SHORTEST_INPUT
from locution_asr.domain.ports import WhisperRecord

ENGINE: Final = EngineKind("asr", models.MODEL_KIND_ASR, "faster-whisper", "speech recogniser")


def directory(stub: RegistryServiceStub) -> CachedDirectory[WhisperRecord]:
    """Return the directory of models."""
    return ENGINE.directory(stub, _record)


def _record(name: ModelName, registered: pb.RegisteredModel) -> WhisperRecord:
    common, qualification = ENGINE.record(name, registered), registered.resource.qualification
    return WhisperRecord(
        **{field.name: getattr(common, field.name) for field in fields(common)},
        fast_qualified=registered.resource.HasField("qualification") and qualification.passed,
        shortest_input=_shortest_input(qualification),
    )


def _shortest_input(qualification: models.ModelQualification) -> int:
    if not (qualification.passed and qualification.HasField("min_encoder_input")):
        return SHORTEST_INPUT
    return samples(qualification.min_encoder_input.ToTimedelta().total_seconds())

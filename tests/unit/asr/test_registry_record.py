"""What the registry says of a model, as the engine takes it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from locution.registry.v1 import registry_service_pb2 as pb
from locution.v1 import model_service_pb2 as models
from locution_asr.adapters.registry import directory
from locution_asr.domain.models import SHORTEST_INPUT
from locution_asr.domain.ports import WhisperRecord
from locution_speech.clock import samples
from locution_speech.engine.models import ModelName


class Stub:
    """Answer with one model."""

    def __init__(self, model: models.Model) -> None:
        self.model = model

    async def GetModel(self, request: pb.GetModelRequest, timeout: float) -> pb.RegisteredModel:
        return pb.RegisteredModel(path=request.path, resource=self.model)


async def recorded(qualification: models.ModelQualification | None) -> WhisperRecord:
    model = models.Model(kind=models.MODEL_KIND_ASR, provider="faster-whisper", state=models.Model.STATE_ENABLED)
    if qualification is not None:
        model.qualification.CopyFrom(qualification)
    stub: object = Stub(model)
    return await directory(stub).get(ModelName("whisper/base"))  # type: ignore[arg-type]


def qualification(passed: bool, shortest: float | None) -> models.ModelQualification:
    found = models.ModelQualification(passed=passed)
    if shortest is not None:
        found.min_encoder_input.FromTimedelta(timedelta(seconds=shortest))
    return found


@pytest.mark.parametrize(
    ("found", "qualified", "shortest"),
    [
        (None, False, SHORTEST_INPUT),
        (qualification(True, None), True, SHORTEST_INPUT),
        (qualification(True, 7.5), True, samples(7.5)),
        (qualification(False, 15.0), False, SHORTEST_INPUT),
    ],
)
async def test_the_encoder_input_is_that_of_a_passing_qualification(
    found: models.ModelQualification | None, qualified: bool, shortest: int
) -> None:
    record = await recorded(found)
    assert (record.fast_qualified, record.shortest_input) == (qualified, shortest)

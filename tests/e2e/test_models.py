"""The models of an installation, as operators see and change them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from locution.v1 import model_service_pb2 as pb
from locution.v1.model_service_pb2_grpc import ModelServiceStub
from locution_common.channels import open_channel

from tests.e2e.conftest import Installation

SPARE = "models/whisper/tiny.en"


@pytest.fixture
async def models(installation: Installation) -> AsyncIterator[Any]:
    async with open_channel(installation.address, token=installation.key) as channel:
        yield ModelServiceStub(channel)


async def test_a_model_says_what_it_is_and_who_serves_it(
    models: Any, installation: Installation, excerpt: Path
) -> None:
    listed = (await models.ListModels(pb.ListModelsRequest())).models
    (model,) = (each for each in listed if each.is_default and each.kind == pb.MODEL_KIND_ASR)
    assert (model.state, model.provider, model.layout) == (
        pb.Model.STATE_ENABLED,
        "faster-whisper",
        "ctranslate2-whisper",
    )
    assert model.size_bytes > 1_000_000
    assert len(model.checksum) == 64
    assert model.capabilities.word_times
    # An earlier test may have restarted the engines.
    await asyncio.to_thread(installation.locution, "transcribe", excerpt, "--no-diarize")
    assert await _served(models, model.name)
    assert model.create_time.ToDatetime() <= model.update_time.ToDatetime()
    again = await models.GetModel(pb.GetModelRequest(name=model.name))
    again.serving_replicas = model.serving_replicas
    assert again == model


async def _served(models: Any, name: str) -> bool:
    """Wait for the next report of an engine that has loaded the model."""
    async with asyncio.timeout(30):
        while not (await models.GetModel(pb.GetModelRequest(name=name))).serving_replicas:
            await asyncio.sleep(0.2)
    return True


async def test_a_default_model_is_qualified_for_its_fast_mode(installation: Installation, models: Any) -> None:
    if installation.state is None:
        pytest.skip("the models of a cluster are qualified by its operator")
    listed = (await models.ListModels(pb.ListModelsRequest(kind=pb.MODEL_KIND_ASR))).models
    (qualification,) = (each.qualification for each in listed if each.is_default)
    assert qualification.passed
    assert qualification.word_count > 1000
    assert 0 < qualification.accurate_word_error_rate < 0.5
    assert 0 < qualification.fast_word_error_rate < 0.5
    assert qualification.min_encoder_input.ToTimedelta()
    assert qualification.run_time.ToDatetime()


async def test_models_are_listed_in_pages(models: Any) -> None:
    whole = (await models.ListModels(pb.ListModelsRequest())).models
    found: list[str] = []
    token = ""
    while not found or token:
        page = await models.ListModels(pb.ListModelsRequest(page_size=1, page_token=token))
        found += [model.name for model in page.models]
        token = page.next_page_token
    assert found == [model.name for model in whole]


async def test_a_model_out_of_use_says_why(models: Any) -> None:
    try:
        await models.GetModel(pb.GetModelRequest(name=SPARE))
    except grpc.aio.AioRpcError:
        pytest.skip(f"{SPARE} is not registered here")
    disabled = await models.DisableModel(pb.DisableModelRequest(name=SPARE, reason="too old"))
    try:
        assert (disabled.state, disabled.state_reason) == (pb.Model.STATE_DISABLED, "too old")
    finally:
        enabled = await models.EnableModel(pb.EnableModelRequest(name=SPARE))
    assert (enabled.state, enabled.HasField("state_reason")) == (pb.Model.STATE_ENABLED, False)

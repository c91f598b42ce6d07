"""Jobs are created once, with their configuration frozen; what cannot run is refused by name."""

from __future__ import annotations

import asyncio

import pytest
from locution.v1 import job_config_pb2 as config
from locution.v1 import job_service_pb2 as pb
from locution.v1 import model_service_pb2 as models

from tests.service.gateway.client import reason, refusal
from tests.service.gateway.conftest import Gateway
from tests.service.gateway.jobs.conftest import kind


async def test_a_job_is_queued_with_its_configuration_frozen(gateway: Gateway, upload: str) -> None:
    job = await gateway.client.job(upload, display_name="Call 7", tags=["a", "b"], priority=3)
    assert job.state == pb.Job.STATE_QUEUED
    assert (job.display_name, list(job.tags), job.priority, job.upload) == ("Call 7", ["a", "b"], 3, upload)
    frozen = job.effective_config
    assert (frozen.language, frozen.asr_model, frozen.beam_size) == ("auto", "whisper/base", 5)
    assert frozen.diarization.enabled
    assert frozen.diarization.model == "pyannote/one"
    assert [(model.stage, model.model) for model in job.models] == [
        (kind("TRANSCRIBE"), "whisper/base"),
        (kind("DIARIZE"), "pyannote/one"),
    ]
    assert not job.config.HasField("language")
    assert await gateway.client.get_job(job.name) == job


async def test_without_a_diarization_model_the_job_runs_and_says_so(gateway: Gateway, upload: str) -> None:
    del gateway.registry.models["pyannote/one"]
    job = await gateway.client.job(upload)
    assert not job.effective_config.diarization.enabled
    assert [warning.code for warning in job.warnings] == [pb.JobWarning.CODE_DIARIZATION_UNAVAILABLE]
    assert job.warnings[0].reason == "MODEL_NONE_USABLE"


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        (config.JobConfig(language="xx"), "job.config.language"),
        (config.JobConfig(asr_model="whisper/tiny.en", task=config.TASK_TRANSLATE), "job.config.task"),
        (config.JobConfig(asr_model="whisper/tiny.en", prompt="Names"), "job.config.prompt"),
        (config.JobConfig(decode_mode=config.DECODE_MODE_FAST), "job.config.decode_mode"),
        (
            config.JobConfig(
                channel_mode=config.CHANNEL_MODE_SEPARATE, diarization=config.DiarizationConfig(enabled=True)
            ),
            "job.config.diarization",
        ),
        (
            config.JobConfig(word_times=False, diarization=config.DiarizationConfig(enabled=True)),
            "job.config.word_times",
        ),
        (config.JobConfig(language="en", language_candidates=["de"]), "job.config.language_candidates"),
    ],
)
async def test_an_option_that_the_model_lacks_is_refused_by_name(
    gateway: Gateway, upload: str, wrong: config.JobConfig, field: str
) -> None:
    failure = await refusal(gateway.client.job(upload, config=wrong))
    assert failure.reason == "OPTION_UNSUPPORTED"
    listed = await gateway.client.jobs.ListJobs(pb.ListJobsRequest())
    assert not listed.jobs


async def test_separate_channels_switch_diarization_off(gateway: Gateway, upload: str) -> None:
    job = await gateway.client.job(upload, config=config.JobConfig(channel_mode=config.CHANNEL_MODE_SEPARATE))
    assert not job.effective_config.diarization.enabled
    assert not job.warnings


async def test_models_that_are_not_there_are_refused(gateway: Gateway, upload: str) -> None:
    none = config.JobConfig(asr_model="whisper/none")
    assert await reason(gateway.client.job(upload, config=none)) == "MODEL_NOT_FOUND"
    nobody = config.JobConfig(diarization=config.DiarizationConfig(model="pyannote/none"))
    assert await reason(gateway.client.job(upload, config=nobody)) == "MODEL_NOT_FOUND"
    gateway.registry.models.clear()
    assert await reason(gateway.client.job(upload)) == "MODEL_NONE_USABLE"


async def test_uploads_that_no_job_can_use_are_refused(gateway: Gateway) -> None:
    assert await reason(gateway.client.job("uploads/none")) == "UPLOAD_NOT_FOUND"
    writing = await gateway.client.new_upload()
    assert await reason(gateway.client.job(writing.name)) == "UPLOAD_STATE_CONFLICT"
    assert await reason(gateway.client.job("")) == "INVALID_REQUEST"


async def test_fields_that_are_not_the_clients_are_refused_by_name(gateway: Gateway, upload: str) -> None:
    failure = await refusal(gateway.client.job(upload, state=pb.Job.STATE_SUCCEEDED))
    assert failure.reason == "INVALID_REQUEST"
    assert "state" in failure.message


async def test_one_request_id_makes_one_job(gateway: Gateway, upload: str) -> None:
    made = await asyncio.gather(*(gateway.client.job(upload, request_id="one") for _ in range(8)))
    assert len({job.name for job in made}) == 1
    assert await gateway.owner.fetchval("SELECT count(*) FROM gateway.jobs") == 1
    other = gateway.client.job(upload, request_id="one", display_name="another")
    assert await reason(other) == "REQUEST_ID_REUSED"


async def test_validate_only_creates_nothing(gateway: Gateway, upload: str) -> None:
    job = await gateway.client.job(upload, validate_only=True)
    assert job.effective_config.asr_model == "whisper/base"
    assert await gateway.owner.fetchval("SELECT count(*) FROM gateway.jobs") == 0
    wrong = gateway.client.job(upload, validate_only=True, config=config.JobConfig(language="xx"))
    assert await reason(wrong) == "OPTION_UNSUPPORTED"


async def test_options_are_checked_before_anything_is_uploaded(gateway: Gateway) -> None:
    asked = config.JobConfig(language="en-US", language_candidates=[], beam_size=2)
    job = await gateway.client.job("", validate_only=True, config=asked, tags=["a"])
    assert (job.upload, job.effective_config.language, job.effective_config.beam_size) == ("", "en", 2)
    assert [warning.code for warning in job.warnings] == [pb.JobWarning.CODE_LANGUAGE_REGION_IGNORED]
    wrong = {
        "whisper/base does not know the language klingon": config.JobConfig(language="klingon"),
        "whisper/tiny.en does not translate": config.JobConfig(asr_model="whisper/tiny.en", task=config.TASK_TRANSLATE),
        "no passing qualification": config.JobConfig(asr_model="whisper/tiny.en", decode_mode=config.DECODE_MODE_FAST),
        "candidates are for": config.JobConfig(language="en", language_candidates=["de"]),
    }
    for told, each in wrong.items():
        failure = await refusal(gateway.client.job("", validate_only=True, config=each))
        assert failure.reason == "OPTION_UNSUPPORTED"
        assert told in failure.message
    assert await reason(gateway.client.job("uploads/none", validate_only=True)) == "UPLOAD_NOT_FOUND"
    gone = config.JobConfig(asr_model="whisper/gone")
    assert await reason(gateway.client.job("", validate_only=True, config=gone)) == "MODEL_NOT_FOUND"


async def test_the_frozen_language_is_the_models_own_and_retries_keep_it(gateway: Gateway, upload: str) -> None:
    job = await gateway.client.job(upload, config=config.JobConfig(language="DEU"))
    assert (job.config.language, job.effective_config.language) == ("DEU", "de")
    assert (await gateway.client.get_job(job.name)).effective_config.language == "de"
    failure = await refusal(gateway.client.job(upload, config=config.JobConfig(language="German")))
    assert failure.message == "whisper/base does not know the language German. It knows de, en, fr"
    for text in ("", "x" * 36, "de\x00", "d\u00e9", "1"):
        assert await reason(gateway.client.job(upload, config=config.JobConfig(language=text))) == "INVALID_REQUEST"


async def test_models_are_the_registrys(gateway: Gateway) -> None:
    gateway.registry.models["whisper/base"].qualification.destroyed_recording_count = 2
    listed = await gateway.client.models.ListModels(models.ListModelsRequest(kind=models.MODEL_KIND_ASR))
    assert listed.models[0].qualification.destroyed_recording_count == 2
    assert [model.name for model in listed.models] == ["models/whisper/base", "models/whisper/tiny.en"]
    new = await gateway.client.models.RegisterModel(models.RegisterModelRequest(name="models/whisper/new"))
    assert new.name == "models/whisper/new"
    assert gateway.registry.registered[0].actor.endswith("/bootstrap")
    call = gateway.client.models.RegisterModel(models.RegisterModelRequest(name="models/whisper/new"))
    assert await reason(call) == "MODEL_ALREADY_REGISTERED"
    missing = gateway.client.models.GetModel(models.GetModelRequest(name="models/whisper/none"))
    assert await reason(missing) == "MODEL_NOT_FOUND"

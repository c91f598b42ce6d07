"""The frozen configuration: what the client left unset is filled, what a model cannot do is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from locution_common.errors import Reason, Refused
from locution_gateway.jobs.config import DiarizationRequest, JobRequestConfig
from locution_gateway.jobs.configure import Configure
from locution_gateway.jobs.models import WarningCode
from locution_gateway.media.models import ChannelMode
from locution_gateway.models.models import ModelChoice, ModelKind, ResolvedModel
from locution_speech.asr import DecodeMode, Task
from locution_speech.capabilities import Capabilities

from tests.support.refusals import refusal

MANY = Capabilities(("en", "de"), True, True, True, True)
ENGLISH = Capabilities(("en",), word_times=True)
SPEAKERS = Capabilities(speaker_counts=True, overlap=True)


def model(path: str, capabilities: Capabilities) -> ResolvedModel:
    return ResolvedModel(ModelChoice(path, "0" * 64), capabilities)


class Models:
    """Resolves to what the test says; a name that it does not know is not found."""

    def __init__(self, asr: ResolvedModel, diarizer: ResolvedModel | None) -> None:
        self._found = {ModelKind.ASR: asr, ModelKind.DIARIZATION: diarizer}

    async def resolve(self, kind: ModelKind, choice: str | None) -> ResolvedModel:
        found = self._found[kind]
        if choice is not None and (found is None or choice != found.choice.path):
            raise Refused(Reason.MODEL_NOT_FOUND, choice)
        if found is None:
            raise Refused(Reason.MODEL_NONE_USABLE, "none")
        return found


ASR = model("whisper/base", MANY)
DIARIZER = model("pyannote/one", SPEAKERS)


def configure(asr: ResolvedModel = ASR, diarizer: ResolvedModel | None = DIARIZER) -> Configure:
    return Configure(Models(asr, diarizer))


async def test_defaults() -> None:
    done = await configure().run(JobRequestConfig())
    config = done.config
    assert (config.language, config.task, config.beam_size, config.word_times) == ("auto", Task.TRANSCRIBE, 5, True)
    assert (config.max_temperature, config.channel_mode, config.decode_mode) == (
        0.0,
        ChannelMode.MIX,
        DecodeMode.ACCURATE,
    )
    assert config.diarization is not None
    assert config.diarization.model == DIARIZER.choice
    assert set(config.origins.values()) == {"server"}
    assert done.warnings == ()


async def test_origins_name_what_was_asked() -> None:
    asked = JobRequestConfig(language="de", beam_size=2, diarization=DiarizationRequest(speaker_count=2))
    origins = (await configure().run(asked)).config.origins
    assert {name for name, origin in origins.items() if origin == "request"} == {
        "language",
        "beam_size",
        "diarization.speaker_count",
    }


async def test_a_model_of_one_language_needs_not_detect_it() -> None:
    done = await configure(model("whisper/tiny.en", ENGLISH)).run(JobRequestConfig())
    assert done.config.language == "en"


async def test_a_region_falls_back_to_its_language() -> None:
    assert (await configure().run(JobRequestConfig(language="de-AT"))).config.language == "de-AT"


async def test_fast_needs_a_passing_qualification() -> None:
    qualified = replace(ASR, fast_allowed=True)
    assert (await configure(qualified).run(JobRequestConfig())).config.decode_mode is DecodeMode.FAST
    accurate = JobRequestConfig(decode_mode=DecodeMode.ACCURATE)
    assert (await configure(qualified).run(accurate)).config.decode_mode is DecodeMode.ACCURATE


async def test_a_fallback_is_a_warning() -> None:
    done = await configure(replace(ASR, fallback="the default is disabled")).run(JobRequestConfig())
    assert [warning.code for warning in done.warnings] == [WarningCode.MODEL_FALLBACK]


async def test_without_a_diarizer_the_job_goes_on_unless_one_was_named() -> None:
    done = await configure(diarizer=None).run(JobRequestConfig())
    assert done.config.diarization is None
    assert [warning.code for warning in done.warnings] == [WarningCode.DIARIZATION_UNAVAILABLE]
    named = JobRequestConfig(diarization=DiarizationRequest(model="pyannote/one"))
    with refusal(Reason.MODEL_NOT_FOUND):
        await configure(diarizer=None).run(named)


@pytest.mark.parametrize(
    ("asked", "asr", "field"),
    [
        (JobRequestConfig(language="fr"), MANY, "language"),
        (JobRequestConfig(language_candidates=("en", "fr")), MANY, "language_candidates"),
        (JobRequestConfig(language="en", language_candidates=("de",)), MANY, "language_candidates"),
        (JobRequestConfig(task=Task.TRANSLATE), ENGLISH, "task"),
        (JobRequestConfig(prompt="x"), ENGLISH, "prompt"),
        (JobRequestConfig(hotwords=("x",)), ENGLISH, "hotwords"),
        (JobRequestConfig(decode_mode=DecodeMode.FAST), MANY, "decode_mode"),
        (JobRequestConfig(word_times=True), replace(MANY, word_times=False), "word_times"),
        (JobRequestConfig(), replace(MANY, word_times=False), "diarization"),
        (
            JobRequestConfig(channel_mode=ChannelMode.SEPARATE, diarization=DiarizationRequest(enabled=True)),
            MANY,
            "diarization",
        ),
        (
            JobRequestConfig(channel_mode=ChannelMode.SEPARATE, diarization=DiarizationRequest(speaker_count=2)),
            MANY,
            "diarization",
        ),
        (JobRequestConfig(word_times=False, diarization=DiarizationRequest(enabled=True)), MANY, "word_times"),
    ],
)
async def test_what_is_refused(asked: JobRequestConfig, asr: Capabilities, field: str) -> None:
    with refusal(Reason.OPTION_UNSUPPORTED) as refused:
        await configure(model("whisper/base", asr)).run(asked)
    assert [violation.field for violation in refused.value.violations] == [f"job.config.{field}"]


async def test_speaker_counts_need_a_model_that_honours_them() -> None:
    asked = JobRequestConfig(diarization=DiarizationRequest(speaker_count=2))
    with refusal(Reason.OPTION_UNSUPPORTED):
        await configure(diarizer=model("pyannote/one", Capabilities())).run(asked)
    assert (await configure().run(asked)).config.diarization is not None


@pytest.mark.parametrize(
    "asked", [JobRequestConfig(channel_mode=ChannelMode.SEPARATE), JobRequestConfig(word_times=False)]
)
async def test_diarization_is_off_by_itself_where_it_cannot_be(asked: JobRequestConfig) -> None:
    done = await configure().run(asked)
    assert done.config.diarization is None
    assert done.warnings == ()

"""The frozen configuration: what the client left unset is filled, what a model cannot do is refused by name."""

from __future__ import annotations

from dataclasses import replace

import pytest
from locution_common.errors import Reason, Refused
from locution_gateway.jobs.config import DiarizationRequest, JobRequestConfig
from locution_gateway.jobs.configure import Configure, fill
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


WORLD = model("whisper/large", replace(MANY, languages=("de", "en", "he", "jv", "no", "pt", "tl", "zh")))


@pytest.mark.parametrize(
    ("asked", "effective"),
    [
        ("EN", "en"),
        ("nb", "no"),
        ("iw", "he"),
        ("jw", "jv"),
        ("fil", "tl"),
        ("deu", "de"),
        ("cmn", "zh"),
        ("auto", "auto"),
    ],
)
async def test_the_frozen_language_is_the_models_own_code(asked: str, effective: str) -> None:
    done = await configure(WORLD).run(JobRequestConfig(language=asked))
    assert (done.config.language, done.warnings) == (effective, ())


async def test_a_region_that_the_model_does_not_know_is_a_warning() -> None:
    done = await configure(WORLD).run(JobRequestConfig(language="pt_BR"))
    assert done.config.language == "pt"
    assert [(each.code, each.message) for each in done.warnings] == [
        (
            WarningCode.LANGUAGE_REGION_IGNORED,
            "whisper/large does not tell regional forms apart; it takes pt_BR as pt",
        )
    ]


async def test_candidates_are_codes_of_the_model_too() -> None:
    done = await configure(WORLD).run(JobRequestConfig(language_candidates=("EN", "en-US", "de-AT", "iw")))
    assert (done.config.language, done.config.language_candidates) == ("auto", ("en", "de", "he"))
    assert [each.message for each in done.warnings] == [
        "whisper/large does not tell regional forms apart; it takes en-US as en, de-AT as de"
    ]


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("fr", "whisper/large does not know the language fr. It knows de, en, he, jv, no, pt, tl, zh"),
        ("klingon", "whisper/large does not know the language klingon. It knows de, en, he, jv, no, pt, tl, zh"),
        (
            "zh-Hant",
            "whisper/large cannot promise the script of zh-Hant: it writes zh in a script of its choice. Use zh",
        ),
        ("sr-Latn", "whisper/large does not know the language sr-Latn. It knows de, en, he, jv, no, pt, tl, zh"),
    ],
)
async def test_a_refused_language_says_which_there_are(language: str, told: str) -> None:
    for asked in (JobRequestConfig(language=language), JobRequestConfig(language_candidates=(language,))):
        with refusal(Reason.OPTION_UNSUPPORTED) as refused:
            await configure(WORLD).run(asked)
        assert refused.value.message == told


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


@pytest.mark.parametrize("track", ["0", "17", "de", "GER", "pt_BR", "all"])
async def test_a_track_is_frozen_as_it_was_named(track: str) -> None:
    assert (await configure().run(JobRequestConfig(track=track))).config.track == track
    assert (await configure().run(JobRequestConfig())).config.track == ""


async def test_all_tracks_are_separate_channels_without_diarization() -> None:
    asked = JobRequestConfig(track="all")
    done = await configure().run(asked)
    assert (done.config.channel_mode, done.config.diarization) == (ChannelMode.SEPARATE, None)
    speakers = JobRequestConfig(channel_mode=ChannelMode.MIX, diarization=DiarizationRequest(enabled=True))
    filled = fill(asked, speakers, JobRequestConfig())
    assert filled.config.channel_mode is ChannelMode.SEPARATE
    assert filled.config.diarization.enabled is None
    with refusal(Reason.OPTION_UNSUPPORTED) as refused:
        await configure().run(replace(asked, channel_mode=ChannelMode.MIX))
    assert [violation.field for violation in refused.value.violations] == ["job.config.channel_mode"]


async def test_what_names_no_track_is_refused() -> None:
    with refusal(Reason.INVALID_REQUEST, match="Use a number from 0, a language code or all") as refused:
        await configure().run(JobRequestConfig(track="microphone track"))
    assert [violation.field for violation in refused.value.violations] == ["job.config.track"]


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

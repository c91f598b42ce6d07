from __future__ import annotations

from locution_gateway.jobs.config import JobConfig
from locution_gateway.jobs.models import JobWarning, WarningCode
from locution_gateway.media.models import (
    AudioTrack,
    ChannelMode,
    DecodeLimits,
    DecodeReport,
    DecodeWarning,
    Media,
    Opening,
    WarningReason,
)
from locution_gateway.media.sections import SectionRule
from locution_gateway.models.models import ModelChoice
from locution_gateway.pipeline.decoder import Decoding, spec_of, warnings_of
from locution_speech.asr import Task

DECODING = Decoding(DecodeLimits(), SectionRule(), isolation=True)


def config(language: str = "auto", track: str = "") -> JobConfig:
    return JobConfig(language, Task.TRANSCRIBE, ModelChoice("a/b", ""), 5, True, 0.0, ChannelMode.MIX, track=track)


def report(*used: bool, warnings: tuple[DecodeWarning, ...] = ()) -> DecodeReport:
    names = (("eng", "Desktop"), ("", "Mic"), ("ger", ""))
    tracks = tuple(
        AudioTrack("aac", 48_000, 2, language, title, 1.0, False, taken)
        for (language, title), taken in zip(names, used, strict=False)
    )
    opening = Opening("matroska,webm", "aac", 2, 48_000, len(tracks), None, 1)
    return DecodeReport(opening, 16_000, 1, warnings, Media("matroska,webm", tracks), "seccomp", 1, 0.1)


def test_tracks_that_nobody_asked_to_leave_out_are_named() -> None:
    (found,) = warnings_of(report(False, True, False), config())
    assert found == JobWarning(
        WarningCode.TRACK_LEFT_OUT, "audio tracks that were left out: 0 (aac eng Desktop), 2 (aac ger)"
    )
    assert list(warnings_of(report(True), config())) == []
    assert list(warnings_of(report(False, True, False), config(track="1"))) == []


def test_cancelling_channels_are_told_by_their_seconds() -> None:
    warnings = (
        DecodeWarning(WarningReason.CHANNELS_CANCEL, 48_000, 75),
        DecodeWarning(WarningReason.MEDIA_DAMAGED, 8_000, 2),
    )
    assert [warning.message for warning in warnings_of(report(True, warnings=warnings), config())] == [
        "over 75 s, first at 3.0 s",
        "at 0.5 s",
    ]


def test_tracks_are_found_by_every_code_of_their_language() -> None:
    assert spec_of(config(), DECODING).languages == ()
    assert spec_of(config("de"), DECODING).languages == ("de", "deu", "ger")
    told = spec_of(config("de", track="pt_BR"), DECODING)
    assert (told.track, told.languages) == ("pt_BR", ("pt", "por"))

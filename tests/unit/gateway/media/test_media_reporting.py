from __future__ import annotations

import json
from typing import Any

import pytest
from locution_common.errors import Reason
from locution_gateway.media.models import (
    AudioFormat,
    AudioTrack,
    ChannelMode,
    DecodeLimits,
    DecodeSpec,
    Encoding,
    Media,
    spec_from_dict,
    spec_to_dict,
)
from locution_gateway.media.reporting import read_opening, read_report

from tests.support.refusals import refusal

OPENED: dict[str, Any] = {
    "event": "opened",
    "container": "wav",
    "codec": "pcm_s16le",
    "source_channels": 2,
    "source_rate": 44_100,
    "audio_streams": 1,
    "declared_seconds": None,
    "channels": 1,
}
FINISHED: dict[str, Any] = {
    "event": "finished",
    "samples": 16_000,
    "warnings": [{"reason": "MEDIA_TRUNCATED", "offset": 16_000, "count": 1}],
    "tracks": [
        {
            "codec": "opus",
            "rate": 48_000,
            "channels": 2,
            "language": "ger",
            "title": "Erzählerin\x1b" + "x" * 100,
            "seconds": 1.5,
            "is_default": True,
            "used": True,
        }
    ],
    "whole_seconds": 1.25,
    "isolation": "seccomp",
    "peak_memory_bytes": 1,
    "cpu_seconds": 0.1,
}

OF_MEDIA = [reason for reason in Reason if reason.startswith("MEDIA_")]


def line(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def test_a_spec_survives_the_command_line() -> None:
    spec = DecodeSpec(AudioFormat(Encoding.MULAW, 8000, 2), ChannelMode.SEPARATE, DecodeLimits(cpu_seconds=5), False)
    assert spec_from_dict(json.loads(json.dumps(spec_to_dict(spec)))) == spec
    assert spec_from_dict(json.loads(json.dumps(spec_to_dict(DecodeSpec())))) == DecodeSpec()


def test_a_report_is_read() -> None:
    report = read_report(line(FINISHED), read_opening(line(OPENED)), 7)
    assert (report.seconds, report.input_bytes, report.opening.source_rate) == (1.0, 7, 44_100)
    assert [(warning.reason, warning.offset) for warning in report.warnings] == [("MEDIA_TRUNCATED", 16_000)]
    track = AudioTrack("opus", 48_000, 2, "ger", "Erzählerin" + "x" * 70, 1.5, True, True)
    assert report.media == Media("wav", (track,), 1.25)


@pytest.mark.parametrize("reason", OF_MEDIA)
def test_every_failure_is_refused_with_its_reason(reason: Reason) -> None:
    with refusal(reason) as caught:
        read_opening(line({"event": "failed", "failure": reason, "detail": "why\x1b[31m\n"}))
    assert caught.value.message == f"{reason.message} (why[31m)"


@pytest.mark.parametrize("option", ["audio_format", "track"])
def test_media_that_does_not_fit_an_option_is_the_fault_of_its_field(option: str) -> None:
    with refusal(Reason.INVALID_REQUEST, match="^it has 1$") as caught:
        read_opening(line({"event": "failed", "failure": "INVALID_REQUEST", "detail": "it has 1", "option": option}))
    assert [violation.field for violation in caught.value.violations] == [f"config.{option}"]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {**OPENED, "channels": -1},
        {**OPENED, "channels": True},
        {**OPENED, "codec": 7},
        {**OPENED, "declared_seconds": "soon"},
        {**OPENED, "event": "finished"},
        {"event": "failed", "failure": "NO_SUCH", "detail": ""},
        {"event": "failed", "failure": "INVALID_REQUEST", "detail": "", "option": "language"},
        {"event": "failed", "failure": "PERMISSION_DENIED", "detail": "not the child's to say"},
    ],
)
def test_a_child_that_talks_nonsense_has_crashed(values: dict[str, Any]) -> None:
    with refusal(Reason.MEDIA_DECODER_CRASHED):
        read_opening(line(values))


@pytest.mark.parametrize("noise", [b"", b"[]", b"[" * 100_000, b"\xff\xfe", b'"opened"'])
def test_a_child_that_writes_noise_has_crashed(noise: bytes) -> None:
    with refusal(Reason.MEDIA_DECODER_CRASHED):
        read_opening(noise)

from __future__ import annotations

import json
from typing import Any

import pytest
from locution_gateway.media.errors import MediaDecoderCrashed, MediaError, failure_error
from locution_gateway.media.models import (
    ChannelMode,
    DecodeLimits,
    DecodeSpec,
    Encoding,
    Failure,
    RawFormat,
    spec_from_dict,
    spec_to_dict,
)
from locution_gateway.media.reporting import read_opening, read_report

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
    "isolation": "seccomp",
    "peak_memory_bytes": 1,
    "cpu_seconds": 0.1,
}


def line(values: dict[str, Any]) -> bytes:
    return json.dumps(values).encode() + b"\n"


def test_a_spec_survives_the_command_line() -> None:
    spec = DecodeSpec(RawFormat(Encoding.MULAW, 8000, 2), ChannelMode.SEPARATE, DecodeLimits(cpu_seconds=5), False)
    assert spec_from_dict(json.loads(json.dumps(spec_to_dict(spec)))) == spec
    assert spec_from_dict(json.loads(json.dumps(spec_to_dict(DecodeSpec())))) == DecodeSpec()


def test_a_report_is_read() -> None:
    report = read_report(line(FINISHED), read_opening(line(OPENED)), 7)
    assert (report.seconds, report.input_bytes, report.opening.source_rate) == (1.0, 7, 44_100)
    assert [(warning.reason, warning.offset) for warning in report.warnings] == [("MEDIA_TRUNCATED", 16_000)]


@pytest.mark.parametrize("failure", Failure)
def test_every_failure_has_an_error_with_its_reason(failure: Failure) -> None:
    with pytest.raises(MediaError) as caught:
        read_opening(line({"event": "failed", "failure": failure, "detail": "why\x1b[31m\n"}))
    assert caught.value.reason == ("INVALID_REQUEST" if failure is Failure.FORMAT_CONTRADICTED else failure.value)
    assert type(caught.value) is type(failure_error(failure))
    assert caught.value.message.endswith("(why[31m)")


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
    ],
)
def test_a_child_that_talks_nonsense_has_crashed(values: dict[str, Any]) -> None:
    with pytest.raises(MediaDecoderCrashed):
        read_opening(line(values))


@pytest.mark.parametrize("noise", [b"", b"[]", b"[" * 100_000, b"\xff\xfe", b'"opened"'])
def test_a_child_that_writes_noise_has_crashed(noise: bytes) -> None:
    with pytest.raises(MediaDecoderCrashed):
        read_opening(noise)

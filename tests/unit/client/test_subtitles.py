"""Options of subtitles on the command line: they reach the export, and are refused early where they have no effect."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf.duration_pb2 import Duration
from locution.v1.transcript_service_pb2 import ExportTranscriptRequest, SubtitleOptions
from locution_client.cli import exit_codes, subtitles

from tests.unit.client.conftest import Command
from tests.unit.client.fake_gateway import FakeGateway

GIVEN = "--subtitle-preset teletext --max-line-width 32 --max-lines 3 --max-duration 4.5s --speaker-style prefix"


@pytest.fixture
def recording(tmp_path: Path) -> str:
    path = tmp_path / "a.wav"
    path.write_bytes(b"a.wav")
    return str(path)


def asked(gateway: FakeGateway) -> SubtitleOptions:
    return next(each for each in reversed(gateway.requests) if isinstance(each, ExportTranscriptRequest)).subtitles


async def test_options_reach_the_export(command: Command, gateway: FakeGateway, recording: str) -> None:
    assert await command("transcribe", recording, "--format", "srt", *GIVEN.split()) == exit_codes.OK
    expected = SubtitleOptions(
        preset=SubtitleOptions.PRESET_TELETEXT,
        max_line_width=32,
        max_lines=3,
        max_duration=Duration(seconds=4, nanos=500_000_000),
        speaker_style=SubtitleOptions.SPEAKER_STYLE_PREFIX,
    )
    assert asked(gateway) == expected
    assert subtitles.flags(expected) == f" {GIVEN}"
    for verb in ("get", "watch"):
        assert await command("jobs", verb, "jobs/j0", "--format", "vtt", "--reading-speed") == exit_codes.OK
        assert asked(gateway) == SubtitleOptions(reading_speed_notes=True)


@pytest.mark.parametrize(
    "arguments",
    [
        "--format txt --max-lines 1",
        "--format srt --speaker-style voice",
        "--format srt --reading-speed",
        "--format srt --max-line-width 7",
        "--format srt --max-duration 61s",
    ],
)
async def test_options_without_effect_are_refused_before_any_work(
    command: Command, gateway: FakeGateway, recording: str, arguments: str
) -> None:
    try:
        code = await command("transcribe", recording, *arguments.split())
    except SystemExit as error:
        code = int(str(error.code))
    assert code == exit_codes.USAGE
    assert gateway.jobs == {}


async def test_options_without_a_format_are_refused(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert await command("jobs", "get", "jobs/j0", "--max-lines", "1") == exit_codes.USAGE
    assert capsys.readouterr().err == "locution: --max-lines needs --format srt or --format vtt\n"

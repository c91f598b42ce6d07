"""Several formats of a transcript at once: where they go, and how they are fetched again."""

from __future__ import annotations

import shlex
from pathlib import Path

import grpc
import pytest
from locution.v1.transcript_service_pb2 import ExportTranscriptRequest, SubtitleOptions
from locution_client.cli import exit_codes
from locution_client.cli.output import Destination

from tests.unit.client.conftest import Command
from tests.unit.client.fake_gateway import FakeGateway, refusal

Capture = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("a.wav", "b/c.wav"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).write_bytes(name.encode())
    return tmp_path


def written() -> dict[str, str]:
    return {str(path): path.read_text() for path in sorted(Path("out").rglob("*")) if path.is_file()}


@pytest.mark.parametrize("formats", [["--format", "srt,json"], ["--format", "srt", "--format", "json,srt"]])
async def test_each_format_is_a_file(command: Command, gateway: FakeGateway, formats: list[str]) -> None:
    assert await command("transcribe", "a.wav", *formats, "--output", "out", "--max-lines", "1") == exit_codes.OK
    assert written() == {"out/a.json": "FORMAT_JSON of a.wav", "out/a.srt": "FORMAT_SRT of a.wav"}
    exports = [each for each in gateway.requests if isinstance(each, ExportTranscriptRequest)]
    assert [(each.format, each.subtitles) for each in exports] == [
        (ExportTranscriptRequest.FORMAT_SRT, SubtitleOptions(max_lines=1)),
        (ExportTranscriptRequest.FORMAT_JSON, SubtitleOptions()),
    ]


async def test_several_files_keep_their_folders_in_each_format(command: Command) -> None:
    assert await command("transcribe", "a.wav", "b/c.wav", "--format", "txt,vtt", "--output", "out/") == exit_codes.OK
    assert list(written()) == ["out/a.txt", "out/a.vtt", "out/b/c.txt", "out/b/c.vtt"]


async def test_a_job_is_fetched_in_several_formats(command: Command) -> None:
    await command("transcribe", "a.wav")
    for verb in ("get", "watch"):
        given = ("jobs", verb, "j0", "--format", "srt,txt", "--output", "out/", "--force")
        assert await command(*given) == exit_codes.OK
        assert written() == {"out/a.srt": "FORMAT_SRT of a.wav", "out/a.txt": "FORMAT_TXT of a.wav"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("a.wav --format srt,txt", "several formats need --output FOLDER: srt, txt"),
        ("a.wav --format srt,txt --output a.wav", "a.wav is a file. Several transcripts need a folder"),
        ("a.wav --format txt,vtt --output out/", "out/a.vtt exists. Use --force to overwrite it"),
        ("a.wav --format txt,json --output new/ --max-lines 1", "--max-lines needs --format srt or --format vtt"),
        ("a.wav --format vtt,srt --output new/ --reading-speed", "--reading-speed needs --format vtt without srt"),
    ],
)
async def test_wrong_usage_is_told_before_any_work(
    command: Command, gateway: FakeGateway, capsys: Capture, arguments: str, told: str
) -> None:
    Path("out").mkdir()
    Path("out/a.vtt").touch()
    assert await command("transcribe", *arguments.split()) == exit_codes.USAGE
    assert gateway.requests == []
    assert told in capsys.readouterr().err


async def test_what_could_not_be_fetched_is_told_for_each_format(
    command: Command, gateway: FakeGateway, capsys: Capture
) -> None:
    gateway.refuse["ExportTranscript"] = refusal(grpc.StatusCode.INTERNAL, "INTERNAL", "gone")
    given = ("transcribe", "a.wav", "--format", "srt,txt", "--output", "out/", "--max-lines", "1")
    assert await command(*given) == exit_codes.FAILED
    again = capsys.readouterr().err.rpartition("with `")[2].removesuffix("`\n")
    gateway.refuse.clear()
    for each in again.split(" && "):
        assert await command(*shlex.split(each)[1:]) == exit_codes.OK
    assert written() == {"out/a.srt": "FORMAT_SRT of a.wav", "out/a.txt": "FORMAT_TXT of a.wav"}
    assert again == (
        "locution jobs watch jobs/j0 --format srt --output out/a.srt --max-lines 1"
        " && locution jobs watch jobs/j0 --format txt --output out/a.txt"
    )


def test_two_formats_never_share_a_file() -> None:
    destination = Destination([Path("a.wav"), Path("a.txt")], "out/", ("txt", "srt"))
    destination.ended(1, {"txt": b"1", "srt": b"2"})
    assert written() == {"out/a.txt.srt": "2", "out/a.txt.txt": "1"}

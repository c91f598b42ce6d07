"""The command line against the fake gateway: output, exit statuses, interruption."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path

import grpc
import pytest
from locution_client.cli import exit_codes

from tests.unit.client.conftest import Command, start
from tests.unit.client.fake_gateway import FakeGateway, refusal


@pytest.fixture
def recordings(tmp_path: Path) -> list[str]:
    paths = [tmp_path / "a.wav", tmp_path / "b.mp3", tmp_path / "b.ogg"]
    for path in paths:
        path.write_bytes(path.name.encode())
    return [str(path) for path in paths]


async def test_one_file_goes_to_standard_output_alone(
    command: Command, recordings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command("transcribe", recordings[0], "--format", "srt") == exit_codes.OK
    shown = capsys.readouterr()
    assert shown.out == "FORMAT_SRT of a.wav\n"
    assert shown.err == ""


async def test_options_reach_the_job(command: Command, gateway: FakeGateway, recordings: list[str]) -> None:
    arguments = ["--language", "es", "--no-diarize", "--asr-model", "whisper/tiny.en"]
    assert await command("transcribe", recordings[0], *arguments) == exit_codes.OK
    config = gateway.jobs["jobs/j0"].config
    assert (config.language, config.asr_model) == ("es", "whisper/tiny.en")
    assert config.diarization.HasField("enabled")
    assert not config.diarization.enabled


async def test_several_files_keep_their_order(
    command: Command, recordings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command("transcribe", *recordings) == exit_codes.OK
    headings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("==")]
    assert headings == ["== a.wav ==", "== b.mp3 ==", "== b.ogg =="]


async def test_several_files_fill_a_folder(command: Command, recordings: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert await command("transcribe", *recordings, "--format", "vtt", "--output", f"{out}/") == exit_codes.OK
    assert sorted(path.name for path in out.iterdir()) == ["a.vtt", "b.mp3.vtt", "b.ogg.vtt"]
    assert (out / "b.ogg.vtt").read_text() == "FORMAT_VTT of b.ogg"


async def test_output_names_a_file(command: Command, recordings: list[str], tmp_path: Path) -> None:
    out = tmp_path / "said.json"
    assert await command("transcribe", recordings[0], "--format", "json", "--output", str(out)) == exit_codes.OK
    assert out.read_text() == "FORMAT_JSON of a.wav"


@pytest.mark.parametrize(
    "arguments",
    [
        ["transcribe", "a.wav", "b.mp3", "--format", "srt"],
        ["transcribe", "missing.wav"],
        ["transcribe", "a.wav", "--output", "no/such/folder/x.txt"],
    ],
)
async def test_wrong_usage_is_told_before_any_work(
    command: Command,
    gateway: FakeGateway,
    recordings: list[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    monkeypatch.chdir(Path(recordings[0]).parent)
    assert await command(*arguments) == exit_codes.USAGE
    assert gateway.requests == []


@pytest.mark.parametrize("arguments", [["--speakers", "0"], ["--asr-model", "base"], ["--format", "docx"]])
async def test_wrong_options_are_refused(command: Command, recordings: list[str], arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        await command("transcribe", recordings[0], *arguments)
    assert ended.value.code == exit_codes.USAGE


async def test_a_failed_job_is_told_with_its_reason(
    command: Command, gateway: FakeGateway, recordings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    gateway.fail = refusal(grpc.StatusCode.INVALID_ARGUMENT, "MEDIA_NO_AUDIO", "no audio stream")
    assert await command("transcribe", recordings[0]) == exit_codes.FAILED
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "locution: a.wav (jobs/j0): MEDIA_NO_AUDIO: no audio stream" in shown.err
    assert "next: send a file that has sound" in shown.err


async def test_an_unknown_key_has_its_own_exit_status(
    command: Command, recordings: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCUTION_API_KEY", "unknown")
    assert await command("transcribe", recordings[0]) == exit_codes.UNAUTHENTICATED
    assert await command("jobs", "list") == exit_codes.UNAUTHENTICATED


async def test_no_server_has_its_own_exit_status(command: Command) -> None:
    assert await command("--address", "127.0.0.1:1", "jobs", "list") == exit_codes.UNREACHABLE


async def test_jobs_are_listed_as_json_and_as_a_table(
    command: Command, recordings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    await command("transcribe", recordings[0])
    capsys.readouterr()
    assert await command("jobs", "list", "--json") == exit_codes.OK
    assert [job["name"] for job in json.loads(capsys.readouterr().out)] == ["jobs/j0"]
    assert await command("jobs", "list") == exit_codes.OK
    assert capsys.readouterr().out.splitlines()[1].split() == [
        "jobs/j0",
        "SUCCEEDED",
        "-",
        "1970-01-01T00:00:00Z",
        "a.wav",
    ]


async def test_a_job_is_watched_line_by_line(
    command: Command, recordings: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    await command("transcribe", recordings[0])
    capsys.readouterr()
    assert await command("jobs", "watch", "j0") == exit_codes.OK
    assert "transcribe 20.0 of 30.0 s of audio" in capsys.readouterr().out
    assert await command("jobs", "watch", "jobs/j0", "--json") == exit_codes.OK
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [event["cursor"] for event in events] == ["1", "2", "3", "4", "5"]
    assert await command("jobs", "watch", "j0", "--format", "txt") == exit_codes.OK
    assert capsys.readouterr().out == "FORMAT_TXT of a.wav\n"


async def test_an_absent_job_is_told(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert await command("jobs", "get", "nowhere") == exit_codes.FAILED
    assert "JOB_NOT_FOUND" in capsys.readouterr().err


async def test_models_are_registered_and_listed(command: Command, capsys: pytest.CaptureFixture[str]) -> None:
    assert await command("models", "register", "whisper/base", "--default") == exit_codes.OK
    assert await command("models", "register", "whisper/base", "whisper/tiny.en") == exit_codes.FAILED
    assert "MODEL_ALREADY_REGISTERED" in capsys.readouterr().err
    assert await command("models", "list", "--json") == exit_codes.OK
    listed = json.loads(capsys.readouterr().out)
    assert {model["name"]: model.get("is_default", False) for model in listed} == {
        "models/whisper/base": True,
        "models/whisper/tiny.en": False,
    }


async def test_a_model_is_shown_disabled_enabled_and_made_default(
    command: Command, gateway: FakeGateway, capsys: pytest.CaptureFixture[str]
) -> None:
    assert await command("models", "register", "whisper/base", "whisper/tiny.en") == exit_codes.OK
    with pytest.raises(SystemExit):
        await command("models", "disable", "whisper/base")
    assert await command("models", "disable", "whisper/base", "--reason", "too old") == exit_codes.OK
    assert gateway.models["models/whisper/base"].state_reason == "too old"
    capsys.readouterr()
    assert await command("models", "get", "whisper/base") == exit_codes.OK
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines() if len(line.split()) > 1)
    assert shown["state"] == "disabled (too old)"
    assert shown["kind"] == "asr"
    assert await command("models", "enable", "whisper/base") == exit_codes.OK
    assert await command("models", "default", "whisper/tiny.en") == exit_codes.OK
    capsys.readouterr()
    assert await command("models", "list", "--json") == exit_codes.OK
    listed = json.loads(capsys.readouterr().out)
    states = {model["name"]: (model["state"], model.get("is_default", False)) for model in listed}
    assert states == {
        "models/whisper/base": ("STATE_ENABLED", False),
        "models/whisper/tiny.en": ("STATE_ENABLED", True),
    }
    assert await command("models", "get", "whisper/none") == exit_codes.FAILED


async def test_an_interrupted_command_says_how_to_go_on(
    address: str, gateway: FakeGateway, recordings: list[str]
) -> None:
    gateway.hold_watch = True
    child = await start(address, "transcribe", recordings[0], "--format", "srt")
    async with asyncio.timeout(50):
        while not gateway.cursors:
            await asyncio.sleep(0.01)
        child.send_signal(signal.SIGINT)
        out, err = await child.communicate()
    assert child.returncode == exit_codes.INTERRUPTED, err.decode()
    assert out == b""
    assert b"`locution jobs watch jobs/j0 --format srt`" in err
    assert b"Traceback" not in err

"""Every option of a job on the command line: what reaches the server, and what is refused before a byte is sent."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from locution.v1 import job_config_pb2 as config
from locution.v1.job_config_pb2 import AudioFormat, DiarizationConfig, JobConfig
from locution.v1.job_service_pb2 import CreateJobRequest
from locution_client import ApiError, Client, Options, transcribe
from locution_client.cli import exit_codes

from tests.unit.client.conftest import Command
from tests.unit.client.fake_gateway import FakeGateway, refusal

Capture = pytest.CaptureFixture[str]

GIVEN = """--task translate --language auto --language-candidates en,pt_BR --language-candidates iw --prompt Hello.
  --hotwords Locution,gRPC --hotwords Ada --channels separate --decode-mode accurate --beam-size 3 --max-temperature 0.4
  --no-word-times --track de --retention 1h30m --audio-format mulaw:8000:2 --no-diarize --asr-model whisper/base"""

ASKED = JobConfig(
    task=config.TASK_TRANSLATE,
    language="auto",
    language_candidates=["en", "pt_BR", "iw"],
    prompt="Hello.",
    hotwords=["Locution", "gRPC", "Ada"],
    channel_mode=config.CHANNEL_MODE_SEPARATE,
    decode_mode=config.DECODE_MODE_ACCURATE,
    beam_size=3,
    max_temperature=0.4,
    word_times=False,
    track="de",
    retention=Duration(seconds=5400),
    audio_format=AudioFormat(encoding=AudioFormat.ENCODING_MULAW, sample_rate_hertz=8000, channels=2),
    diarization=DiarizationConfig(enabled=False),
    asr_model="whisper/base",
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.wav").write_bytes(b"a.wav")
    return tmp_path


async def test_every_option_reaches_the_job(command: Command, gateway: FakeGateway) -> None:
    arguments = [*GIVEN.split(), "--tag", "a", "--tag", "b:c", "--priority", "-3"]
    assert await command("transcribe", "a.wav", *arguments) == exit_codes.OK
    job = gateway.jobs["jobs/j0"]
    assert (job.config, list(job.tags), job.priority) == (ASKED, ["a", "b:c"], -3)


def test_every_field_of_a_configuration_is_an_option() -> None:
    """A field that is added to JobConfig needs an option, or a reason to have none."""
    assert {field.name for field, _ in ASKED.ListFields()} == {field.name for field in JobConfig.DESCRIPTOR.fields}


async def test_what_is_not_said_is_left_to_the_settings(command: Command, gateway: FakeGateway) -> None:
    assert await command("transcribe", "a.wav") == exit_codes.OK
    assert gateway.jobs["jobs/j0"].config == JobConfig(diarization=DiarizationConfig())


async def test_the_server_checks_the_options_before_anything_is_sent(
    command: Command, gateway: FakeGateway, capsys: Capture
) -> None:
    refused = "whisper/tiny.en does not translate"
    gateway.refuse["check"] = refusal(
        grpc.StatusCode.INVALID_ARGUMENT, "OPTION_UNSUPPORTED", refused, **{"job.config.task": refused}
    )
    assert await command("transcribe", "a.wav", *GIVEN.split(), "--tag", "a") == exit_codes.FAILED
    (asked,) = (each for each in gateway.requests if isinstance(each, CreateJobRequest))
    assert (asked.validate_only, asked.job.upload, asked.job.config, list(asked.job.tags)) == (True, "", ASKED, ["a"])
    assert gateway.uploads == {}
    assert f"  job.config.task: {refused}" in capsys.readouterr().err.splitlines()


async def test_the_library_checks_before_it_sends_too(client: Client, gateway: FakeGateway) -> None:
    gateway.refuse["check"] = refusal(grpc.StatusCode.INVALID_ARGUMENT, "OPTION_UNSUPPORTED", "no")
    with pytest.raises(ApiError, match="OPTION_UNSUPPORTED"):
        await transcribe(client, Path("a.wav"), Options(language="xx", retention=timedelta(days=1)))
    assert gateway.uploads == {}


async def test_hotwords_come_from_a_file(command: Command, gateway: FakeGateway, folder: Path) -> None:
    (folder / "words.txt").write_text("Ada Lovelace\n\n  Grace, Hopper \n", encoding="utf-8")
    assert await command("transcribe", "a.wav", "--hotwords", "@words.txt", "--hotwords", "Alan, Turing") == 0
    assert list(gateway.jobs["jobs/j0"].config.hotwords) == ["Ada Lovelace", "Grace, Hopper", "Alan", "Turing"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--track 100", "'100': Not a track. Use a number from 0, a language or all."),
        ("--task sing", "'sing' is not one of transcribe, translate"),
        ("--channels left", "'left' is not one of mix, separate"),
        ("--decode-mode quick", "'quick' is not one of accurate, fast"),
        ("--beam-size 11", "'11' is not a number from 1 to 10"),
        ("--max-temperature 1.5", "'1.5' is not a number from 0 to 1"),
        ("--max-temperature nan", "'nan' is not a number from 0 to 1"),
        ("--retention 59m", "Use at least 1h"),
        ("--priority 11", "'11' is not a number from -10 to 10"),
        ("--tag a/b", "Not a tag"),
        (f"--prompt {'x' * 1001}", "the prompt has 1001 characters. At most 1000 are allowed"),
        ("--hotwords @nowhere.txt", "nowhere.txt: No such file or directory"),
        ("--audio-format s16le", "'s16le' is not ENCODING:RATE:CHANNELS, for example s16le:16000:1"),
        ("--audio-format s24le:8000", "encoding 's24le' is not one of s16le, f32le, mulaw, alaw"),
        ("--audio-format s16le:3999:1", "rate '3999' is not a number from 4000 to 192000"),
        ("--audio-format s16le:8000:9", "channels '9' is not a number from 1 to 8"),
        ("--format srt,docx", "'docx' is not one of json, rttm, srt, txt, vtt"),
    ],
)
async def test_what_the_client_knows_needs_no_server(
    command: Command, gateway: FakeGateway, capsys: Capture, arguments: str, told: str
) -> None:
    with pytest.raises(SystemExit) as ended:
        await command("transcribe", "a.wav", *arguments.split())
    assert ended.value.code == exit_codes.USAGE
    assert told in capsys.readouterr().err
    assert gateway.requests == []


@pytest.mark.parametrize("name", ["call.raw", "CALL.PCM", "call.ulaw"])
async def test_files_without_a_header_need_their_format(
    command: Command, gateway: FakeGateway, folder: Path, capsys: Capture, name: str
) -> None:
    (folder / name).write_bytes(b"\0\1" * 100)
    assert await command("transcribe", "a.wav", name) == exit_codes.USAGE
    assert gateway.requests == []
    assert (
        f"{name} has no header. State its format, for example --audio-format s16le:16000:1" in capsys.readouterr().err
    )
    assert await command("transcribe", name, "--audio-format", "s16le:16000") == exit_codes.OK
    asked = gateway.jobs["jobs/j0"].config.audio_format
    assert asked == AudioFormat(encoding=AudioFormat.ENCODING_PCM_S16LE, sample_rate_hertz=16_000, channels=1)


async def test_a_file_with_a_header_may_have_any_name(command: Command, folder: Path) -> None:
    (folder / "call.raw").write_bytes(b"RIFF....WAVEfmt ")
    assert await command("transcribe", "call.raw") == exit_codes.OK

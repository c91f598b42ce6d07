"""`locution transcribe` with several files: where results go, what is refused, failures, and an interruption."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import subprocess
from pathlib import Path

import grpc
import pytest
from locution_client.cli import exit_codes
from locution_client.cli.output import Destination, names, quoted, write
from locution_client.labels import label

from tests.unit.client.conftest import Command, start
from tests.unit.client.fake_gateway import FakeGateway, refusal

Capture = pytest.CaptureFixture[str]

UNREADABLE = "/proc/self/mem"
"""A file whose bytes nobody can read, not even root: its first page is not mapped."""

LATIN = os.fsdecode(b"caf\xe9.wav")
ODD = ["a\nb\tc.wav", "x" * 250 + ".wav", "\u5f55" * 80 + ".wav", "-dash.wav", " .wav", "%00%2f..wav", "\U0001f399\u202e.wav", LATIN]  # fmt: skip


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def record(*names: str) -> list[str]:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(os.fsencode(name))
    return list(names)


def written() -> list[str]:
    return sorted(str(path) for path in Path("out").rglob("*") if path.is_file())


async def test_files_of_one_name_keep_their_folders(command: Command) -> None:
    files = record("in/monday/call.wav", "in/tuesday/call.wav", "in/tuesday/late/call.wav")
    assert await command("transcribe", *files, "--format", "srt", "--output", "out/") == exit_codes.OK
    assert written() == ["out/monday/call.srt", "out/tuesday/call.srt", "out/tuesday/late/call.srt"]


def test_names_differ_wherever_the_files_lie() -> None:
    record("a/x.wav", "b/x.wav", "b/x.mp3")
    found = names([Path("a/x.wav"), Path("b/../b/x.wav"), Path("b/x.mp3"), Path("/dev/stdin")], "txt")
    assert [str(path) for path in found] == ["a/x.txt", "b/x.wav.txt", "b/x.mp3.txt", "stdin.txt"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        (["a.wav", "a.mp3", "a.wav.ogg"], ["a.wav and a.wav.ogg would both be written to out/a.wav.srt"]),
        (["a.wav", "./a.wav"], ["a.wav and a.wav would both be written to out/a.wav.srt"]),
        (["old.wav", "new.wav"], ["out/old.srt exists", "--force"]),
    ],
)
async def test_nothing_is_sent_if_a_file_would_be_overwritten(
    command: Command, gateway: FakeGateway, capsys: Capture, files: list[str], told: list[str]
) -> None:
    record(*files, "out/old.srt")
    assert await command("transcribe", *files, "--format", "srt", "--output", "out/") == exit_codes.USAGE
    assert gateway.requests == []
    assert written() == ["out/old.srt"]
    shown = capsys.readouterr().err
    assert all(each in shown for each in told), shown


async def test_force_overwrites_but_never_the_recording(command: Command, gateway: FakeGateway) -> None:
    record("a.wav", "out/a.srt", "said.txt")
    assert await command("transcribe", "a.wav", "--format", "srt", "--output", "out/", "--force") == exit_codes.OK
    assert Path("out/a.srt").read_text() == "FORMAT_SRT of a.wav"
    sent = len(gateway.requests)
    assert await command("transcribe", "said.txt", "--format", "txt", "--output", ".", "--force") == exit_codes.USAGE
    assert len(gateway.requests) == sent


@pytest.mark.parametrize("verb", ["get", "watch"])
async def test_a_fetched_transcript_overwrites_nothing_either(command: Command, verb: str) -> None:
    record("a.wav", "said.txt")
    await command("transcribe", "a.wav")
    fetch = ("jobs", verb, "j0", "--format", "txt", "--output", "said.txt")
    assert await command(*fetch) == exit_codes.USAGE
    assert Path("said.txt").read_text() == "said.txt"
    assert await command(*fetch, "--force") == exit_codes.OK
    assert Path("said.txt").read_text() == "FORMAT_TXT of a.wav"


def test_a_file_that_appeared_meanwhile_is_kept() -> None:
    record("a.txt")
    with pytest.raises(FileExistsError):
        write(Path("a.txt"), b"new", force=False)
    assert Path("a.txt").read_text() == "a.txt"
    assert [path.name for path in Path().iterdir()] == ["a.txt"]


async def test_one_failure_stops_no_other_file(command: Command, gateway: FakeGateway, capsys: Capture) -> None:
    gateway.failing["b.wav"] = refusal(grpc.StatusCode.INVALID_ARGUMENT, "MEDIA_NO_AUDIO", "no audio stream")
    files = record("a.wav", "b.wav", "c.wav")
    code = await command("transcribe", *files, UNREADABLE, "--format", "txt", "--output", "out/")
    assert code == exit_codes.USAGE
    assert [Path(each).name for each in written()] == ["a.txt", "c.txt"]
    first, *rest = capsys.readouterr().err.splitlines()
    assert first == "locution: 2 of 4 files failed:"
    assert any("b.wav (jobs/j" in line and "MEDIA_NO_AUDIO: no audio stream" in line for line in rest)
    assert "locution: mem: Input/output error" in rest


def test_printed_transcripts_keep_the_order_of_the_inputs(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    destination = Destination([Path(f"{name}.wav") for name in "abcd"], None, ("txt",))
    destination.ended(1, {"txt": b"1"})
    destination.ended(3, {"txt": b"3"})
    assert capsysbinary.readouterr().out == b""
    destination.ended(0, None)
    assert capsysbinary.readouterr().out == b"== b.wav ==\n1\n"
    destination.interrupted()
    assert capsysbinary.readouterr().out == b"== d.wav ==\n3\n"


async def test_a_transcript_that_cannot_be_written_can_be_fetched(
    command: Command, gateway: FakeGateway, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes, *, force: bool) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("locution_client.cli.output.write", full)
    assert await command("transcribe", *record("a.wav"), "--format", "srt", "--output", "out/") == exit_codes.USAGE
    shown = capsys.readouterr().err
    assert "a.wav (jobs/j0): No space left on device" in shown
    assert "`locution jobs watch jobs/j0 --format srt --output out/a.srt`" in shown


async def test_an_interruption_keeps_what_is_done_and_names_the_rest(
    address: str, gateway: FakeGateway, command: Command
) -> None:
    gateway.held.add("slow.wav")
    files = record("in/slow.wav", "in/a.wav", "in/more/b.wav")
    child = await start(address, "transcribe", *files, "--format", "srt", "--output", "out/")
    async with asyncio.timeout(50):
        while len(written()) < 2 or not gateway.jobs:
            await asyncio.sleep(0.01)
        assert written() == ["out/a.srt", "out/more/b.srt"]
        child.send_signal(signal.SIGINT)
        _, err = await child.communicate()
    assert child.returncode == exit_codes.INTERRUPTED, err.decode()
    (slow,) = (job.name for job in gateway.jobs.values() if job.display_name == "slow.wav")
    again = f"locution jobs watch {slow} --format srt --output out/slow.srt"
    assert err.decode() == f"locution: slow.wav: the job continues; fetch its transcript with `{again}`\n"
    gateway.held.clear()
    assert await command(*shlex.split(again)[1:]) == exit_codes.OK
    assert Path("out/slow.srt").read_text() == "FORMAT_SRT of slow.wav"


async def test_files_of_any_name_are_transcribed(command: Command, gateway: FakeGateway) -> None:
    files = record(*(f"in/{name}" for name in ODD))
    assert await command("transcribe", *files, "--format", "rttm", "--output", "out/") == exit_codes.OK
    assert len(written()) == len(ODD)
    assert {job.display_name for job in gateway.jobs.values()} == {label(name) for name in ODD}
    assert {upload.display_name for upload in gateway.uploads.values()} == {label(name) for name in ODD}
    assert label(LATIN) == "caf\ufffd.wav"


async def test_headings_are_text_on_one_line(command: Command, capsys: Capture) -> None:
    assert await command("transcribe", *record(LATIN, "a\nb.wav")) == exit_codes.OK
    headings = [line for line in capsys.readouterr().out.splitlines() if line.startswith("==")]
    assert headings == ["== caf\ufffd.wav ==", "== a\ufffdb.wav =="]


@pytest.mark.parametrize("name", [*ODD, "it's \\ $HOME `x`.wav", "a'\n\\.wav", "plain.wav"])
def test_a_told_path_is_what_bash_reads(name: str) -> None:
    script = f"printf %s {quoted(Path(name))}"
    told = subprocess.run(["bash", "-c", script], capture_output=True, check=True).stdout
    assert told == os.fsencode(name)

"""Recordings from standard input and from pipes: read once, of unknown size, sent again after a break."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from locution_client import Client
from locution_client.cli import exit_codes
from locution_client.sources import CHUNK, Stream, open_source

from tests.unit.client.conftest import Command, start
from tests.unit.client.fake_gateway import KEY, FakeGateway

Capture = pytest.CaptureFixture[str]

CONTENT = bytes(range(256)) * (CHUNK // 50)


@pytest.fixture
def pipe(tmp_path: Path) -> Path:
    path = tmp_path / "talk.wav"
    os.mkfifo(path)
    return path


async def fill(pipe: Path, content: bytes) -> None:
    await asyncio.to_thread(pipe.write_bytes, content)


async def run(address: str, script: str, stdin: bytes) -> tuple[int | None, bytes, bytes]:
    """Run a script of bash with a function `locution`."""
    command = f'locution() {{ "{sys.executable}" -m locution_client "$@"; }}; {script}'
    child = await asyncio.create_subprocess_exec(
        *("bash", "-c", command),
        env={**os.environ, "LOCUTION_ADDRESS": address, "LOCUTION_API_KEY": KEY},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(50):
        out, err = await child.communicate(stdin)
    return child.returncode, out, err


@pytest.mark.parametrize(
    ("script", "name"),
    [
        ("cat | locution transcribe -", "stdin"),
        ("locution transcribe /dev/stdin", "stdin"),
        ("cat > a; locution transcribe - < a", "stdin"),
        ("cat > a; locution transcribe <(cat a) | sed s/[0-9]*$/N/", "N"),
    ],
)
async def test_pipes_are_read(
    address: str, gateway: FakeGateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = await run(address, script, CONTENT)
    assert (code, out.decode()) == (exit_codes.OK, f"FORMAT_TXT of {name}\n"), err
    assert gateway.content["uploads/u0"] == CONTENT
    assert not gateway.uploads["uploads/u0"].HasField("size_bytes")


async def test_a_pipe_and_a_file_fill_a_folder(
    command: Command, gateway: FakeGateway, pipe: Path, tmp_path: Path
) -> None:
    file = tmp_path / "far/talk.mp3"
    file.parent.mkdir()
    file.write_bytes(b"mp3")
    arguments = ("transcribe", str(pipe), str(file), "--format", "srt", "--output", f"{tmp_path}/out/")
    code, _ = await asyncio.gather(command(*arguments), fill(pipe, CONTENT))
    assert code == exit_codes.OK
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["talk.mp3.srt", "talk.wav.srt"]
    assert sorted(gateway.content.values()) == sorted([CONTENT, b"mp3"])


async def test_a_pipe_is_uploaded_in_one_stream_only(command: Command, gateway: FakeGateway, pipe: Path) -> None:
    code, _ = await asyncio.gather(command("upload", str(pipe)), fill(pipe, CONTENT))
    assert code == exit_codes.OK
    assert list(gateway.content.values()) == [CONTENT]
    assert await command("upload", str(pipe), "--parallel", "2") == exit_codes.USAGE


async def test_standard_input_is_read_only_once(command: Command, gateway: FakeGateway, capsys: Capture) -> None:
    assert await command("transcribe", "-", "/dev/stdin") == exit_codes.USAGE
    assert "only once" in capsys.readouterr().err
    assert gateway.requests == []


async def test_a_broken_upload_of_a_pipe_sends_kept_bytes_again(
    client: Client, gateway: FakeGateway, pipe: Path
) -> None:
    gateway.break_upload_at = CHUNK + 5
    upload, _ = await asyncio.gather(client.uploads.send(pipe), fill(pipe, CONTENT))
    assert gateway.content[upload.name] == CONTENT
    assert gateway.offsets == [0, CHUNK + 5]


async def test_only_bytes_that_the_server_may_lack_are_kept(
    client: Client, gateway: FakeGateway, pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[int] = []

    def stored(stream: Stream, offset: int) -> None:
        original(stream, offset)
        kept.append(len(stream._kept))

    original = Stream.stored
    monkeypatch.setattr(Stream, "stored", stored)
    monkeypatch.setattr("locution_client.uploads.KEPT", 2 * CHUNK)
    upload, _ = await asyncio.gather(client.uploads.send(pipe), fill(pipe, CONTENT))
    assert gateway.content[upload.name] == CONTENT
    assert len(kept) > 2
    assert max(kept) < len(CONTENT) // 2


async def test_a_quiet_pipe_gives_its_stream_back(
    client: Client, gateway: FakeGateway, pipe: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locution_client.sources.QUIET", 0.01)
    sending = asyncio.create_task(client.uploads.send(pipe))
    descriptor = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)
    assert not gateway.offsets  # no stream is open before the first byte
    os.write(descriptor, b"first")
    async with asyncio.timeout(30):
        while not gateway.paused:
            await asyncio.sleep(0.01)
        os.write(descriptor, b"second")
        os.close(descriptor)
        upload = await sending
    assert gateway.content[upload.name] == b"firstsecond"
    assert gateway.offsets == [0, 5]


async def test_an_interruption_does_not_wait_for_a_pipe(address: str, gateway: FakeGateway, pipe: Path) -> None:
    child = await start(address, "transcribe", str(pipe))
    descriptor = await asyncio.to_thread(os.open, pipe, os.O_WRONLY)
    try:
        os.write(descriptor, b"first")
        async with asyncio.timeout(30):
            while not gateway.offsets:
                await asyncio.sleep(0.01)
            child.send_signal(signal.SIGINT)
            _, err = await child.communicate()
    finally:
        os.close(descriptor)
    assert child.returncode == exit_codes.INTERRUPTED
    assert err == b"locution: talk.wav: no job exists yet; transcribe the file again\n"


async def test_an_interrupted_read_ends_at_once(pipe: Path) -> None:
    with open_source(pipe) as source:
        reading = asyncio.create_task(source.next(0))
        await asyncio.sleep(0)
        source.interrupt()
        async with asyncio.timeout(30):
            assert await reading is None

"""The child process itself: confined, bounded, killed and reaped; memory flat, and both sides wait for each other."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest
from locution_common.errors import Reason
from locution_gateway.media import confine, process
from locution_gateway.media import decode as decoding
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeLimits, DecodeSpec, Opening
from locution_gateway.media.ready import Children

from tests.data import media_files as files
from tests.service.gateway.media.support import Dropped, Kept, children, pieces
from tests.support.refusals import refusal

MIB = 1 << 20
SECOND = bytes(32_000)
STALL = 2.0
"""Seconds; a busy machine may take one of them to start a child."""
CONFINED = """
import json, os, socket, sys, threading
sys.path.insert(0, sys.argv.pop())
from locution_gateway.media import confine
confine.die_with(os.getppid())
found = {"environment": sorted(set(os.environ) - {"LC_CTYPE"}), "descriptors": os.listdir("/proc/self/fd")}
if "limits" in sys.argv:
    confine.limit_resources()
    confine.limit_use(1 << 29, 60)
found["isolation"] = confine.isolate()
def attempt(name, action):
    try:
        action()
        found[name] = "done"
    except OSError as error:
        found[name] = error.errno
    except RuntimeError:
        found[name] = "refused"
    except MemoryError:
        found[name] = "memory"
attempt("file", lambda: os.open("/etc/hostname", os.O_RDONLY))
attempt("socket", lambda: socket.socket())
attempt("fork", os.fork)
attempt("exec", lambda: os.execv("/bin/true", ["true"]))
attempt("kill", lambda: os.kill(os.getppid(), 0))
attempt("thread", threading.Thread(target=print).start)
attempt("memory", lambda: bytearray(1 << 30))
os.write(1, json.dumps(found).encode())
os._exit(0)
"""


def confined(*arguments: str) -> dict[str, object]:
    command = [sys.executable, "-I", "-c", CONFINED, *arguments, process._PACKAGE_ROOT]
    done = subprocess.run(command, env={}, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout)
    return found


def test_a_confined_process_opens_contacts_and_starts_nothing() -> None:
    found = confined("limits")
    assert found["isolation"] == "seccomp"
    for name in ("file", "socket", "fork", "exec", "kill"):
        assert found[name] == 1, f"{name} gave {found[name]} instead of EPERM"
    assert found["thread"] == "refused"
    assert found["memory"] == "memory"
    assert found["environment"] == []


def test_the_filter_kills_calls_of_another_architecture() -> None:
    program = confine.filter_program(0xC000_003E, (0, 1))
    assert len(program) == 8 * (4 + 2 * 2 + 1)
    assert program[16:24] == b"\x06\0\0\0\0\0\0\x80"


async def slow_wave(seconds: int = 3600) -> AsyncIterator[bytes]:
    """Give a wave for ever, without hurry."""
    yield files.wave(b"", data_size=0xFFFF_FFFF)
    for _ in range(seconds):
        yield SECOND
        await asyncio.sleep(0.001)


async def started(sink: Kept) -> psutil.Process:
    """Wait until the child has given audio."""
    async with asyncio.timeout(30):
        while not (sink.opening and children()):
            await asyncio.sleep(0.01)
    return children()[0]


async def test_cancelling_kills_and_reaps_the_child() -> None:
    sink = Dropped()
    task = asyncio.create_task(decode(slow_wave(), DecodeSpec(), sink))
    child = await started(sink)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(child.pid)
    assert not children()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
async def test_a_child_that_dies_is_a_crash(number: signal.Signals) -> None:
    sink = Dropped()
    task = asyncio.create_task(decode(slow_wave(), DecodeSpec(), sink))
    (await started(sink)).send_signal(number)
    with refusal(Reason.MEDIA_DECODER_CRASHED):
        await task
    assert not children()


async def test_a_child_that_hangs_is_killed_in_time() -> None:
    sink = Dropped()
    task = asyncio.create_task(decode(slow_wave(), DecodeSpec(limits=DecodeLimits(stall_seconds=STALL)), sink))
    (await started(sink)).suspend()
    with refusal(Reason.MEDIA_DECODE_TIMEOUT):
        await task
    assert not children()


async def test_a_slow_source_and_a_slow_sink_are_not_the_childs_fault() -> None:
    async def source(pause: float) -> AsyncIterator[bytes]:
        yield files.wave(SECOND * 90, data_size=32_000 * 91)
        await asyncio.sleep(pause)
        yield SECOND

    class Slow(Kept):
        async def begin(self, opening: Opening) -> None:
            await super().begin(opening)
            await asyncio.sleep(STALL + 0.5)

    spec = DecodeSpec(limits=DecodeLimits(stall_seconds=STALL))
    reports = await asyncio.gather(decode(source(STALL + 0.5), spec, Kept()), decode(source(0), spec, Slow()))
    assert [report.seconds for report in reports] == [91, 91]


async def test_the_limit_on_everything_holds_for_a_source_that_hangs() -> None:
    async def source() -> AsyncIterator[bytes]:
        yield files.wave(SECOND * 90, data_size=0xFFFF_FFFF)
        await asyncio.Event().wait()

    with refusal(Reason.MEDIA_DECODE_TIMEOUT):
        await decode(source(), DecodeSpec(limits=DecodeLimits(wall_seconds=1.0)), Dropped())
    assert not children()


async def test_processor_time_is_bounded() -> None:
    data = files.opus_bomb(4_000_000)
    with refusal(Reason.MEDIA_DECODE_TIMEOUT):
        await decode(pieces(data), DecodeSpec(limits=DecodeLimits(cpu_seconds=1)), Dropped())


@pytest.mark.parametrize("where", ["source", "sink"])
async def test_errors_of_source_and_sink_pass_through(where: str) -> None:
    async def source() -> AsyncIterator[bytes]:
        yield files.wave(SECOND * 200, data_size=0xFFFF_FFFF)
        if where == "source":
            raise TimeoutError("the store is slow")

    class Failing(Dropped):
        async def write(self, pcm: bytes) -> None:
            if where == "sink":
                raise TimeoutError("the store is slow")

    with pytest.raises(TimeoutError, match="the store is slow"):
        await decode(source(), DecodeSpec(), Failing())
    assert not children()


async def test_the_child_waits_for_the_sink_and_the_source_for_the_child() -> None:
    given, gate = 0, asyncio.Event()

    async def source() -> AsyncIterator[bytes]:
        nonlocal given
        yield files.wave(b"", data_size=0xFFFF_FFFF)
        for _ in range(600):
            given += len(SECOND)
            yield SECOND

    class Gated(Dropped):
        async def write(self, pcm: bytes) -> None:
            await gate.wait()
            await super().write(pcm)

    sink = Gated()
    task = asyncio.create_task(decode(source(), DecodeSpec(), sink))
    await started(sink)
    async with asyncio.timeout(30):
        seen = -1
        while seen != given:
            seen = given
            await asyncio.sleep(0.2)
    assert given < 2 * MIB
    gate.set()
    assert (await task).seconds == 600
    assert sink.taken == 600 * len(SECOND)


async def test_the_report_tells_of_isolation_and_memory() -> None:
    report = await decode(pieces(files.wave(SECOND)), DecodeSpec(), Kept())
    assert report.isolation == "seccomp"
    assert 10 * MIB < report.peak_memory_bytes < 100 * MIB
    assert report.input_bytes == 44 + len(SECOND)


@pytest.mark.timeout(120)
async def test_memory_is_flat_in_the_length() -> None:
    minute = files.encode("mp3", "libmp3lame", [files.tone(60)], 16_000)
    short = await decode(pieces(minute), DecodeSpec(), Dropped())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    long = await decode(pieces(minute for _ in range(20)), DecodeSpec(), Dropped())
    assert long.seconds == pytest.approx(1200, abs=4)
    assert long.peak_memory_bytes < 1.1 * short.peak_memory_bytes
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 16 * 1024


async def test_scratch_files_never_have_a_name_and_leave_nothing(tmp_path: Path) -> None:
    data = files.encode("mp4", "aac", [files.tone(5, 44_100)], 44_100)
    names: list[str] = []

    class Looking(Dropped):
        async def write(self, pcm: bytes) -> None:
            names.extend(path.name for path in tmp_path.iterdir())
            await super().write(pcm)

    await decode(pieces(data), DecodeSpec(), Looking(), children=Children(folder=tmp_path))
    assert names == []
    assert list(tmp_path.iterdir()) == []
    gc.collect()
    assert not [file.path for file in psutil.Process().open_files() if str(tmp_path) in file.path]


async def test_a_child_that_gives_too_much_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = json.dumps(
        {
            "event": "opened",
            "container": "wav",
            "codec": "pcm_s16le",
            "source_channels": 1,
            "source_rate": 16_000,
            "audio_streams": 1,
            "declared_seconds": None,
            "channels": 1,
        }
    )
    lie = (
        "import json, os, sys\n"
        f"os.write(json.loads(sys.argv[1])['report'], {(opened + chr(10)).encode()!r})\n"
        "while True: os.write(1, bytes(65536))"
    )
    monkeypatch.setattr(process, "_START", lie)
    sink = Dropped()
    with refusal(Reason.MEDIA_DECODER_CRASHED):
        await decode(pieces(SECOND), DecodeSpec(limits=DecodeLimits(media_seconds=10)), sink)
    assert sink.taken <= (10 + decoding._SLACK_SECONDS) * 32_000
    assert not children()


async def test_twenty_decodings_at_once_do_not_mix() -> None:
    async def one(number: int) -> None:
        pcm = (files.tone(2, hertz=100 * number) * 32_767).astype("<i2").tobytes()
        sink = Kept()
        await decode(pieces(files.wave(pcm), 10_000), DecodeSpec(), sink)
        assert bytes(sink.pcm) == pcm

    await asyncio.gather(*(one(number) for number in range(1, 21)))
    assert not children()

"""Decode children that wait: each decodes one file, a dead one is replaced, and none outlives its worker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from locution_gateway.media import process, ready
from locution_gateway.media.decode import decode
from locution_gateway.media.models import DecodeSpec, Opening
from locution_gateway.media.ready import Children

from tests.data import media_files as files
from tests.service.gateway.media.support import Kept, children, pieces

WAVE = files.wave(bytes(32_000))
LIMITED = """
import json, resource, sys, time
sys.path.insert(0, sys.argv.pop())
from locution_gateway.media import confine
while time.process_time() < 1.01: pass
confine.limit_use(1 << 30, 7)
print(json.dumps([resource.getrlimit(resource.RLIMIT_CPU), resource.getrlimit(resource.RLIMIT_AS)]))
"""
WORKER = """
import asyncio, sys
sys.path.insert(0, sys.argv.pop())
from locution_gateway.media.ready import Children
async def main():
    async with Children(1).open() as children:
        while not children.waiting: await asyncio.sleep(0.01)
        print(children.waiting[0], flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def used(pool: Children, data: bytes = WAVE) -> int:
    """Decode a file and return the process that stopped waiting for it."""
    before, taken = set(pool.waiting), set[int]()

    class Looking(Kept):
        async def begin(self, opening: Opening) -> None:
            await super().begin(opening)
            taken.update(before - set(pool.waiting))

    await decode(pieces(data), DecodeSpec(), Looking(), size=len(data), children=pool)
    (pid,) = taken
    return pid


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.01)


async def at_once(_seconds: float) -> None:
    """Replace without a pause."""


async def never(_seconds: float) -> None:
    """Replace nothing."""
    await asyncio.Event().wait()


async def test_a_child_decodes_one_file_and_another_takes_its_place() -> None:
    async with Children(2, pause=at_once).open() as pool:
        await until(lambda: len(pool.waiting) == 2)
        first, second = pool.waiting
        assert await used(pool) == first
        assert not psutil.pid_exists(first)
        await until(lambda: len(pool.waiting) == 2)
        assert first not in pool.waiting
        assert await used(pool) == second
        assert not psutil.pid_exists(second)


async def test_files_at_once_each_have_a_child_of_their_own() -> None:
    async with Children(1, pause=never).open() as pool:
        await until(lambda: len(pool.waiting) == 1)
        sinks = [Kept() for _ in range(3)]
        pcm = [(files.tone(1, hertz=100 * number) * 32_767).astype("<i2").tobytes() for number in (1, 2, 3)]
        await asyncio.gather(
            *(
                decode(pieces(files.wave(data)), DecodeSpec(), sink, children=pool)
                for data, sink in zip(pcm, sinks, strict=True)
            )
        )
        assert [bytes(sink.pcm) for sink in sinks] == pcm
        assert not children()


async def test_a_child_that_died_while_it_waited_is_replaced() -> None:
    async with Children(1, pause=at_once).open() as pool:
        await until(lambda: len(pool.waiting) == 1)
        (dead,) = pool.waiting
        os.kill(dead, signal.SIGKILL)
        await until(lambda: pool.waiting not in ((), (dead,)))
        assert not psutil.pid_exists(dead)
        assert [each.pid for each in children()] == list(pool.waiting)


async def test_a_dead_child_is_given_to_nobody() -> None:
    async with Children(1, pause=never).open() as pool:
        await until(lambda: len(pool.waiting) == 1)
        os.kill(pool.waiting[0], signal.SIGKILL)
        await until(lambda: not pool.waiting)
        assert (await decode(pieces(WAVE), DecodeSpec(), Kept(), children=pool)).samples == 16_000


async def test_media_that_must_be_seekable_reaches_a_waiting_child(tmp_path: Path) -> None:
    data = files.encode("mp4", "aac", [files.tone(5, 44_100)], 44_100)
    async with Children(1, tmp_path, pause=never).open() as pool:
        await until(lambda: len(pool.waiting) == 1)
        (waiting,) = pool.waiting
        assert list(tmp_path.iterdir()) == []
        assert await used(pool, data) == waiting


async def test_no_child_outlives_the_pool() -> None:
    async with Children(3, pause=at_once).open() as pool:
        await until(lambda: len(pool.waiting) == 3)
    assert not children()
    assert pool.waiting == ()


def test_no_child_outlives_a_worker_that_is_killed() -> None:
    command = [sys.executable, "-c", WORKER, process._PACKAGE_ROOT]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        child = psutil.Process(int(worker.stdout.readline()))
        worker.kill()
    psutil.wait_procs([child], timeout=30)
    assert not child.is_running()


def fail_starts(monkeypatch: pytest.MonkeyPatch, failures: list[Exception]) -> None:
    """Fail as many starts of children as there are failures, and take these off the list."""
    start = process._start

    async def failing(report: int, scratch: int) -> asyncio.subprocess.Process:
        if failures:
            raise failures.pop()
        return await start(report, scratch)

    monkeypatch.setattr(process, "_start", failing)


async def test_a_child_that_cannot_be_started_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    failures: list[Exception] = [OSError("no process"), OSError("no process")]
    fail_starts(monkeypatch, failures)
    async with Children(1, pause=at_once).open() as pool:
        await until(lambda: len(pool.waiting) == 1)
    assert failures == []


async def test_children_that_die_at_once_are_replaced_more_and_more_slowly(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(process, "_START", "pass")
    pauses: list[float] = []

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 8:
            await asyncio.Event().wait()

    async with Children(1, pause=noted).open():
        await until(lambda: len(pauses) == 8)
    assert pauses == [0.5, 1, 2, 4, 8, 16, 30, 30]
    assert caplog.messages == ["decode children ended while they waited"] * 7


async def test_a_child_that_is_taken_ends_the_long_pauses() -> None:
    pauses: list[float] = []

    async def noted(seconds: float) -> None:
        pauses.append(seconds)

    async with Children(1, pause=noted).open() as pool:
        await until(lambda: len(pool.waiting) == 1)
        (dead,) = pool.waiting
        os.kill(dead, signal.SIGKILL)
        await until(lambda: pool.waiting not in ((), (dead,)))
        await used(pool)
        await until(lambda: len(pauses) >= 2)  # the end of a child that was taken wakes the keeper too
    assert set(pauses) == {ready.REPLACE_SECONDS}


async def test_no_failure_ends_the_keeper(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    fail_starts(monkeypatch, [ValueError("a fault")])
    async with Children(1, pause=at_once).open() as pool:
        await until(lambda: len(pool.waiting) == 1)
    assert caplog.messages == ["decode children could not be replaced"]


async def test_all_children_end_even_if_ending_one_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    reap, failures = process.Child.reap, [ValueError("a fault")]

    async def failing(child: process.Child) -> None:
        await reap(child)
        if failures:
            raise failures.pop()

    monkeypatch.setattr(process.Child, "reap", failing)
    with pytest.raises(ValueError, match="a fault"):
        async with Children(3, pause=at_once).open() as pool:
            await until(lambda: len(pool.waiting) == 3)
    assert not children()
    assert pool.waiting == ()


async def test_a_start_that_fails_keeps_no_descriptor(tmp_path: Path) -> None:
    def count() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    before = count()
    for _ in range(20):
        with pytest.raises(FileNotFoundError):
            async with process.spawn(tmp_path / "missing"):
                pass
    await until(lambda: count() == before)


async def test_replacing_leaves_the_work_that_took_the_child_its_time() -> None:
    pauses: list[float] = []

    async def noted(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.Event().wait()

    async with Children(1, pause=noted).open() as pool:
        await until(lambda: len(pool.waiting) == 1)
        assert pauses == []
        await used(pool)
        await until(lambda: pauses == [ready.REPLACE_SECONDS])
        assert not children()


def test_processor_time_is_limited_from_the_use_on() -> None:
    command = [sys.executable, "-I", "-c", LIMITED, process._PACKAGE_ROOT]
    done = subprocess.run(command, env={}, capture_output=True, timeout=30, check=True)
    assert json.loads(done.stdout) == [[2 + 7, 2 + 7 + 2], [1 << 30, 1 << 30]]

"""Processes are known by pid and start time, end in bounded time, and never someone else's."""

from __future__ import annotations

import dataclasses
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from locution_local import processes
from locution_local.processes import Process

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"
)


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Process]]:
    made: list[Process] = []
    yield made
    for process in made:
        if processes.alive(process):
            os.kill(process.pid, signal.SIGKILL)
        processes._CHILDREN.pop(process.pid).wait(60)


def _spawn(started: list[Process], log: Path, *command: str) -> Process:
    process = processes.spawn(
        command, environment={**os.environ, "ROLE": "x"}, log=log, folder=log.parent, settings="s"
    )
    started.append(process)
    return process


def test_a_process_lives_in_a_session_of_its_own_and_writes_to_its_log(started: list[Process], tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    process = _spawn(
        started, log, sys.executable, "-c", "import os; print(os.environ['ROLE'], os.getsid(0) == os.getpid())"
    )
    assert processes.wait_gone(process, 20)
    assert log.read_text() == "x True\n"
    assert processes.exit_code(process) == 0


def test_a_recycled_pid_is_not_ours(started: list[Process], tmp_path: Path) -> None:
    process = _spawn(started, tmp_path / "x.log", "sleep", "60")
    stranger = dataclasses.replace(process, started="another boot:1")
    assert processes.alive(process)
    assert not processes.alive(stranger)
    assert not processes.send(stranger, signal.SIGKILL)
    assert processes.finish(stranger, 0.0)
    assert processes.alive(process)


def test_a_zombie_is_dead(started: list[Process], tmp_path: Path) -> None:
    process = _spawn(started, tmp_path / "x.log", "sleep", "60")
    os.kill(process.pid, signal.SIGKILL)
    assert processes.wait_gone(process, 10)
    assert processes.exit_code(process) == -signal.SIGKILL


def test_a_willing_process_ends_by_itself(started: list[Process], tmp_path: Path) -> None:
    process = _spawn(started, tmp_path / "x.log", "sleep", "60")
    assert processes.send(process, signal.SIGTERM)
    assert processes.finish(process, 10)


def test_a_stubborn_process_is_killed_with_its_group(started: list[Process], tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    process = _spawn(started, log, sys.executable, "-c", STUBBORN)
    while "ready" not in log.read_text():
        assert processes.alive(process)
    processes.send(process, signal.SIGTERM)
    assert not processes.finish(process, 0.1)
    assert not processes.alive(process)


def test_a_large_log_is_set_aside(started: list[Process], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LOG_LIMIT", 10)
    log = tmp_path / "x.log"
    log.write_text("older than this run\n")
    processes.wait_gone(_spawn(started, log, "true"), 10)
    assert log.read_text() == ""
    assert (tmp_path / "x.1.log").read_text() == "older than this run\n"


def test_no_process_has_no_start() -> None:
    assert processes.started_at(2**22 + 1) is None
    assert not processes.alive(None)

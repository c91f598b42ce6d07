"""Keeps the processes of the system under test alive: whatever dies is started again within two seconds.

It is a process of its own (`python -m tests.chaos.supervisor`), told what to do by JSON lines on its standard input:
the processes die with it, and it dies with the tests. `Supervisor` is the tests' end of the pipe.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from tests.support import processes

RESTART_SECONDS: Final = 0.3
POLL_SECONDS: Final = 0.05


@dataclass
class Kept:
    """One process that is kept alive."""

    command: list[str]
    environment: dict[str, str]
    log: Path
    user: int | None = None
    process: subprocess.Popen[bytes] | None = None
    down_since: float | None = None
    held: bool = False


class Keeper:
    """The supervisor's own side: one loop over commands and children."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}

    def run(self) -> None:
        """Obey until the standard input ends, then kill everything."""
        pending = b""
        while True:
            ready, _, _ = select.select([sys.stdin.fileno()], [], [], POLL_SECONDS)
            if ready:
                data = os.read(sys.stdin.fileno(), 65536)
                if not data:
                    break
                *lines, pending = (pending + data).split(b"\n")
                for line in lines:
                    self._obey(json.loads(line))
            self._look()
        for kept in self._kept.values():
            if kept.process is not None:
                processes.kill(kept.process)

    def _obey(self, command: dict[str, Any]) -> None:
        name = command["name"]
        match command["do"]:
            case "keep":
                kept = Kept(command["command"], command["environment"], Path(command["log"]), command["user"])
                self._kept[name] = kept
                self._start(name, kept)
            case "hold":
                self._kept[name].held = True
            case "release":
                self._kept[name].held = False

    def _look(self) -> None:
        for name, kept in self._kept.items():
            if kept.process is not None and (code := kept.process.poll()) is not None:
                _say(event="ended", name=name, pid=kept.process.pid, code=code)
                kept.process, kept.down_since = None, time.monotonic()
            waited = kept.down_since is not None and time.monotonic() - kept.down_since > RESTART_SECONDS
            if kept.process is None and waited and not kept.held:
                self._start(name, kept)

    def _start(self, name: str, kept: Kept) -> None:
        kept.process = processes.spawn(kept.command, log=kept.log, env=kept.environment, user=kept.user)
        kept.down_since = None
        _say(event="started", name=name, pid=kept.process.pid)


def _say(**event: object) -> None:
    sys.stdout.write(json.dumps({**event, "at": time.time()}) + "\n")
    sys.stdout.flush()


@dataclass
class Supervisor:
    """The tests' end: which process runs under which pid, and how often each was started."""

    pids: dict[str, int] = field(default_factory=dict)
    starts: dict[str, int] = field(default_factory=dict)
    ends: list[dict[str, Any]] = field(default_factory=list)
    ever: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        command = [sys.executable, "-m", "tests.chaos.supervisor"]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, name="supervisor", daemon=True)
        self._reader.start()

    def keep(
        self, name: str, command: Sequence[str], environment: Mapping[str, str], log: Path, user: int | None = None
    ) -> None:
        """Start a process and keep it alive."""
        self._tell(do="keep", name=name, command=list(command), environment=dict(environment), log=str(log), user=user)

    def hold(self, name: str) -> None:
        """Leave a process down when it next dies."""
        self._tell(do="hold", name=name)

    def release(self, name: str) -> None:
        """Start it again."""
        self._tell(do="release", name=name)

    def signal(self, name: str, number: signal.Signals) -> bool:
        """Signal a process; tell whether it was there."""
        pid = self.pids.get(name)
        if pid is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
            return True
        return False

    def close(self) -> None:
        """End the supervisor and with it every process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(20)
        self._reader.join(5)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def _tell(self, **command: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(command).encode() + b"\n")
        self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            event = json.loads(line)
            name = event["name"]
            if event["event"] == "started":
                self.pids[name] = event["pid"]
                self.ever.add(event["pid"])
                self.starts[name] = self.starts.get(name, 0) + 1
            else:
                self.pids.pop(name, None)
                self.ends.append(event)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for pytest, which closes the pipe
    Keeper().run()

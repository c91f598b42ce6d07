"""Child processes of a test session: they die with it, whatever becomes of it."""

from __future__ import annotations

import contextlib
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from tests.support import canaries

PORTS: Final = range(12_000, 18_000)
"""Of the ports that tests choose: below the ephemeral range, and clear of those of the local stack."""
DYING: Final = ("/usr/bin/setpriv", "--pdeathsig", "KILL", "--")
"""Prefix of a command: the kernel kills it when its parent dies. (Python code between fork and exec could ask for the same, but
can hang where gRPC has threads.)"""


def spawn(
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str] | None = None,
    user: int | None = None,
    cwd: Path | None = None,
) -> subprocess.Popen[bytes]:
    """Start a process that the kernel kills with SIGKILL when this one dies; its output goes to `log`.

    Call from the main thread: the kernel's signal comes when the thread that forked ends.
    """
    with canaries.kept(log).open("ab") as out:
        return subprocess.Popen(
            [*DYING, *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=env,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
            cwd=cwd,
            start_new_session=True,
        )


def kill(process: subprocess.Popen[bytes], number: int = signal.SIGKILL, wait: float = 10.0) -> None:
    """Send a signal and wait for the end; a process that does not end in time is killed."""
    if process.poll() is None:
        process.send_signal(number)
    try:
        process.wait(wait)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_until(
    condition: Callable[[], bool], *, seconds: float, what: str, alive: Sequence[subprocess.Popen[bytes]] = ()
) -> None:
    """Poll until the condition holds; fail after `seconds`, or as soon as a process in `alive` has ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        for process in alive:
            if process.poll() is not None:
                raise RuntimeError(f"{what}: the process ended with {process.returncode}")
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_ports(count: int, *, offset: int = 0) -> list[int]:
    """Return `count` loopback ports of PORTS whose ports `offset` above are free too."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().choice(PORTS)
        taken = {*found, *(other + offset for other in found)}
        if not {port, port + offset} & taken and _is_free(port) and _is_free(port + offset):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True

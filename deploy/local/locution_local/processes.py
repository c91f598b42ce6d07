"""Processes that outlive the command that starts them, identified by pid and start time because pids are reused."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from locution_local.errors import StackError

LOG_LIMIT = 64 * 1024 * 1024
"""Size in bytes above which a log is rotated at the start of its process; one older log is kept."""

KILL_WAIT = 10.0
"""Seconds that a killed process may take to end."""


@dataclass(frozen=True, slots=True)
class Process:
    """The identity of a process that the stack started."""

    pid: int
    started: str
    settings: str
    """Digest of its command and settings. A different digest means that it must be restarted."""


@dataclass(frozen=True, slots=True)
class SystemUser:
    """The system user of a process."""

    name: str
    uid: int
    gid: int


def started_at(pid: int) -> str | None:
    """Return the identity of the pid's current process, or None if there is none (a zombie counts as ended)."""
    proc = Path(f"/proc/{pid}/stat")
    if not Path("/proc/self/stat").exists():
        return _started_by_ps(pid)
    try:
        fields = proc.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] in "ZX" else f"{_boot()}:{fields[19]}"


def alive(process: Process | None) -> bool:
    """Tell whether exactly this process still runs."""
    return process is not None and started_at(process.pid) == process.started


def spawn(
    command: Sequence[str],
    *,
    environment: Mapping[str, str],
    log: Path,
    folder: Path,
    settings: str,
    user: SystemUser | None = None,
) -> Process:
    """Start a process in its own session that writes to the log, and leave it running."""
    _set_aside(log)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600), "ab") as output:
        child = subprocess.Popen(
            command,
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
    _CHILDREN[child.pid] = child
    return Process(child.pid, started_at(child.pid) or "ended at once", settings)


def send(process: Process, number: signal.Signals) -> bool:
    """Signal exactly this process; return whether it existed."""
    if not alive(process):
        return False
    try:
        os.kill(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def wait_gone(process: Process, seconds: float) -> bool:
    """Wait until the process has ended; return whether it did within the time."""
    deadline = time.monotonic() + seconds
    while alive(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def finish(process: Process, seconds: float) -> bool:
    """Wait for a signalled process, then kill it and its group; return whether it ended by itself."""
    gone = wait_gone(process, seconds)
    if not gone or alive(process):
        _kill_group(process)
        if not wait_gone(process, KILL_WAIT):
            raise StackError(f"process {process.pid} survived SIGKILL")
    return gone


def exit_code(process: Process) -> int | None:
    """Return the exit status of an ended process that this very command started."""
    child = _CHILDREN.get(process.pid)
    return child.poll() if child else None


def _kill_group(process: Process) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _set_aside(log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT:
        log.replace(log.with_suffix(".1.log"))


def _boot() -> str:
    path = Path("/proc/sys/kernel/random/boot_id")
    return path.read_text(encoding="ascii").strip()[:8] if path.exists() else ""


def _started_by_ps(pid: int) -> str | None:
    answer = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = answer.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
"""The children of this command, kept to read their exit statuses."""

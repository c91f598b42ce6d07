"""Start and stop roles, and wait until they are healthy."""

from __future__ import annotations

import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from locution_local import processes
from locution_local.errors import RoleFailed
from locution_local.postgres import OWNERS
from locution_local.roles import STORES, Role
from locution_local.stack import Stack

Say = Callable[[str], None]
"""Prints one line of progress."""

TAIL = 20
"""Lines of a log shown when its process fails."""

POLL = 0.2
"""Seconds between two probes of a process."""

MIGRATE_TIMEOUT = 120.0
MIGRATION_WAIT = "10"
"""Seconds that `migrate` waits for the database, which is healthy then; well below MIGRATE_TIMEOUT."""

STRANGER_SECONDS = 30.0


def start(stack: Stack, role: Role) -> None:
    """Start a role that is not running and record it."""
    if role.name == "postgres":
        stack.postgres.initialise()
    stack.state.processes[role.name] = processes.spawn(
        role.command,
        environment=role.environment(),
        log=stack.folder.log(role.name),
        folder=role.folder,
        settings=role.digest,
        user=role.user,
    )
    stack.save()


def ensure(stack: Stack, role: Role) -> bool:
    """Start a role unless it runs with the same settings; return whether it was started."""
    process = stack.process(role)
    if process and process.settings == role.digest:
        return False
    if process:
        stop(stack, [role])
    start(stack, role)
    return True


def stop(stack: Stack, roles: Sequence[Role]) -> list[str]:
    """Signal all roles, wait for each, and kill those that exceed their time; return the names of those killed."""
    running = [(role, process) for role in roles if (process := stack.process(role))]
    for role, process in running:
        processes.send(process, role.stop_signal)
    deadline = time.monotonic()
    late = []
    for role, process in running:
        remaining = max(0.0, deadline + role.stop_seconds - time.monotonic())
        if not processes.finish(process, remaining):
            late.append(role.name)
        _remove_litter(role)
    return late


def stop_strangers(stack: Stack) -> None:
    """Stop recorded processes that the configuration no longer has, such as extra asr replicas."""
    known = {role.name for role in stack.roles}
    strangers = {name: process for name, process in stack.state.processes.items() if name not in known}
    for process in strangers.values():
        if processes.send(process, signal.SIGTERM):
            processes.finish(process, STRANGER_SECONDS)
    forget(stack, strangers)


def forget(stack: Stack, names: Iterable[str]) -> None:
    """Delete the records of processes that have ended."""
    for name in names:
        stack.state.processes.pop(name, None)
    stack.save()


def wait_well(
    stack: Stack, roles: Sequence[Role], watched: Sequence[Role], *, timeout: float, say: Say, began: float
) -> None:
    """Wait until all roles are healthy. Raises RoleFailed when a watched one ends, or at the timeout."""
    waiting = {role.name: "it has not answered yet" for role in roles}
    deadline = time.monotonic() + timeout
    while waiting:
        for role in watched:
            _require_alive(stack, role)
        for role in (role for role in roles if role.name in waiting):
            problem = role.probe()
            if problem is None:
                del waiting[role.name]
                say(_ready(role, time.monotonic() - began))
            else:
                waiting[role.name] = problem
        if waiting and time.monotonic() > deadline:
            name, problem = next(iter(waiting.items()))
            raise failure(stack, name, f"not well after {timeout:.0f} s: {problem}")
        if waiting:
            time.sleep(POLL)


def migrate(stack: Stack, owners: Sequence[str] = OWNERS) -> None:
    """Apply the migrations of these owners, all at once."""
    running = {owner: _migration(stack, owner) for owner in owners}
    codes = {owner: _wait(child, MIGRATE_TIMEOUT) for owner, child in running.items()}
    for owner, code in codes.items():
        if code:
            raise failure(stack, f"migrate-{owner}", f"it exited with status {code}")


def failure(stack: Stack, name: str, why: str) -> RoleFailed:
    """Return an error that shows the end of a role's log."""
    log = stack.folder.log(name)
    return RoleFailed(name, why, log=str(log), tail="\n".join(last_lines(log, TAIL)))


def last_lines(log: Path, count: int) -> list[str]:
    """Return the last lines of a log, or none if it does not exist."""
    if not log.exists():
        return []
    with log.open(encoding="utf-8", errors="replace") as lines:
        return [line.rstrip("\n") for line in deque(lines, count)]


def waves(roles: Iterable[Role]) -> list[list[Role]]:
    """Group roles by wave, from first to last."""
    grouped: dict[int, list[Role]] = {}
    for role in roles:
        grouped.setdefault(role.wave, []).append(role)
    return [grouped[wave] for wave in sorted(grouped)]


def _migration(stack: Stack, owner: str) -> subprocess.Popen[bytes]:
    role = stack.role(owner)
    command = [*role.command[:3], "migrate"]
    settings = {
        "LOCUTION_MIGRATION_DATABASE_URL": stack.postgres.url(owner),
        "LOCUTION_MIGRATION_WAIT": MIGRATION_WAIT,
    }
    with stack.folder.log(f"migrate-{owner}").open("wb") as log:
        return subprocess.Popen(
            command,
            env={**role.environment(), **settings},
            cwd=role.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _wait(child: subprocess.Popen[bytes], seconds: float) -> int:
    try:
        return child.wait(seconds)
    except subprocess.TimeoutExpired:
        child.kill()
        return child.wait()


def _require_alive(stack: Stack, role: Role) -> None:
    process = stack.state.processes.get(role.name)
    if process is None or not processes.alive(process):
        code = processes.exit_code(process) if process else None
        raise failure(stack, role.name, "it exited" + (f" with status {code}" if code is not None else ""))


def _ready(role: Role, seconds: float) -> str:
    store = "store" if role.wave == STORES else "service"
    return f"  {role.name:<10} well after {seconds:5.1f} s   {store} on {role.address}"


def _remove_litter(role: Role) -> None:
    for path in role.litter:
        path.unlink(missing_ok=True)

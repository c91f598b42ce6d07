"""The state folder of the local stack, and its lock, which lets one command at a time change it."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from locution_local.errors import StackError

LOCK_WAIT = 300.0
"""Seconds that a command waits for another one on the same state folder."""


@dataclass(frozen=True, slots=True)
class StateFolder:
    """The paths of the state folder."""

    root: Path

    @property
    def state(self) -> Path:
        """The ports and processes, as JSON; its presence marks a state folder."""
        return self.root / "state.json"

    @property
    def lock(self) -> Path:
        """A file locked (flock) by the command that changes the stack."""
        return self.root / "lock"

    @property
    def logs(self) -> Path:
        """One log per process."""
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        """Generated secrets, one per file, readable by their owner only."""
        return self.root / "secrets"

    @property
    def client_env(self) -> Path:
        """The command line's configuration: address and API key."""
        return self.root / "client.env"

    @property
    def trace(self) -> Path:
        """Spans of every process, one JSON object per line."""
        return self.root / "trace.jsonl"

    @property
    def models(self) -> Path:
        """The models root, unless LOCUTION_MODELS_ROOT names another."""
        return self.root / "models"

    @property
    def objects(self) -> Path:
        """The S3 server's data."""
        return self.root / "s3"

    @property
    def scratch(self) -> Path:
        """Data that a process may delete at any time: decoded audio, downloads in progress."""
        return self.root / "scratch"

    def log(self, name: str) -> Path:
        """Return the log of one process."""
        return self.logs / f"{name}.log"

    def create(self) -> None:
        """Create the folders. The root stays traversable so that Postgres' own user reaches its data."""
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in (self.logs, self.objects, self.scratch, self.secrets):
            folder.mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock. Raises StackError if another command holds it too long."""
        self.create()
        descriptor = _acquire(self.lock)
        try:
            yield
        finally:
            os.close(descriptor)


def repository() -> Path:
    """Return the root of the checkout."""
    return Path(__file__).resolve().parents[3]


def state_folder() -> StateFolder:
    """Return the folder named by LOCUTION_STATE, or `.locution` in the checkout."""
    named = os.environ.get("LOCUTION_STATE")
    root = Path(named).expanduser() if named else repository() / ".locution"
    return StateFolder(root.resolve())


def write_private(path: Path, text: str) -> None:
    """Replace a file atomically with one that only its owner may read."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    temporary.replace(path)


def _acquire(path: Path) -> int:
    deadline = time.monotonic() + LOCK_WAIT
    told = False
    while time.monotonic() < deadline:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        if _try_lock(descriptor) and _same_file(descriptor, path):
            return _sign(descriptor)
        if not told:
            told = _tell(path)
        os.close(descriptor)
        time.sleep(0.1)
    raise StackError(f"another command has held {path} for {LOCK_WAIT:.0f} s")


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _same_file(descriptor: int, path: Path) -> bool:
    """Reject a lock on a file that `clean` has removed meanwhile."""
    try:
        return os.fstat(descriptor).st_ino == path.stat().st_ino
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> int:
    os.ftruncate(descriptor, 0)
    os.write(descriptor, str(os.getpid()).encode())
    return descriptor


def _tell(path: Path) -> bool:
    holder = path.read_text(encoding="utf-8") if path.exists() else ""
    print(f"waiting for another stack command, process {holder or '?'}", file=sys.stderr)
    return True

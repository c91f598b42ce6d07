"""Secrets that can be told wherever they turn up, and the logs of a whole test run, in which none may.

LOCUTION_TEST_LOGS names the folder that keeps every log and span file of a run of many pytest processes; `make test`
sets it and greps it at the end (tests/leaks). Without it nothing is kept.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from locution_common.logs import JsonFormatter, Redactor

VARIABLE: Final = "LOCUTION_TEST_LOGS"

# Values that have no form of their own, one a line; the only file of the folder that is not read for leaks.
NOTED: Final = "noted-secrets"
SHORTEST: Final = 12

FORMS: Final = {
    "a secret that tests gave": rb"canary-[a-z0-9]",
    "an API key": rb"loc_[a-z2-7]{16}_[a-z2-7]{52}",
    "an invitation or a refresh token": rb"lo[ir]_[0-9a-f]{32}_[a-z2-7]{52}",
    "a session's token": rb"eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}",
    "a webhook's secret": rb"whs(?:ec|k)_[A-Za-z0-9+/=]{20,}",
    "a presigned URL": rb"X-Amz-Signature=[0-9a-f]{64}",
}


@dataclass(frozen=True, slots=True)
class Leak:
    """A secret in a file; `place` is its line, and the secret itself is not repeated."""

    path: Path
    place: int
    what: str

    def __str__(self) -> str:
        return f"{self.path.name}:{self.place}: {self.what}"


def secret(name: str) -> str:
    """Return a secret for tests to give to a service; the same for the same name."""
    return f"canary-{name}-{hashlib.sha256(name.encode()).hexdigest()[:24]}"


def folder() -> Path | None:
    """Return the folder of the run's logs, None where nothing is kept."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named else None


def kept(log: Path) -> Path:
    """Have a log that is about to be written lie in the run's folder; its path still reads it."""
    run = folder()
    if run is not None and not os.path.lexists(log):
        log.symlink_to(_new(run, f"{log.parent.name}-{log.stem}", log.suffix or ".log"))
    return log


def keep(name: str, *said: str | bytes) -> None:
    """Keep what a process said elsewhere than in a file."""
    run = folder()
    if run is not None:
        parts = [part.encode() if isinstance(part, str) else part for part in said]
        _new(run, name, ".txt").write_bytes(b"\n".join(parts))


def keep_copies(*paths: Path) -> None:
    """Keep copies of files, and of all files in folders, that are about to be deleted."""
    run = folder()
    if run is None:
        return
    for path in paths:
        for file in [path] if path.is_file() else sorted(found for found in path.rglob("*") if found.is_file()):
            shutil.copyfile(file, _new(run, f"{path.parent.name}-{file.stem}", file.suffix))


def spans(name: str) -> dict[str, Path]:
    """Return the setting with which a service inside of the tests keeps its spans."""
    run = folder()
    return {} if run is None else {"trace_file": _new(run, name, ".jsonl")}


def note(*secrets: str) -> None:
    """Look for these values too; they have no form of their own."""
    run = folder()
    if run is not None:
        with (run / NOTED).open("a") as file:
            file.writelines(f"{value}\n" for value in secrets)


def handler() -> logging.Handler | None:
    """Return a handler that keeps what services inside of the tests log, unredacted; None where nothing is kept."""
    run = folder()
    if run is None:
        return None
    made = logging.FileHandler(_new(run, "inside", ".log"))
    made.setFormatter(JsonFormatter("tests", Redactor()))
    return made


def leaks(run: Path) -> Iterator[Leak]:
    """Give every place in the run's files where a secret stands."""
    wanted = _wanted(run)
    for path in files(run):
        with path.open("rb") as lines:
            for place, line in enumerate(lines, 1):
                found = {match.lastgroup or "" for match in wanted.finditer(line)}
                yield from (Leak(path, place, _named(group)) for group in sorted(found))


def files(run: Path) -> list[Path]:
    """Return the files that are read for leaks."""
    return sorted(path for path in run.rglob("*") if path.is_file() and path.name != NOTED)


def _wanted(run: Path) -> re.Pattern[bytes]:
    noted = (run / NOTED).read_bytes().split() if (run / NOTED).exists() else []
    if short := [value for value in noted if len(value) < SHORTEST]:
        raise ValueError(f"{len(short)} noted secrets are too short to tell")
    forms = [b"(?P<form%d>%s)" % (number, form) for number, form in enumerate(FORMS.values())]
    values = b"|".join(map(re.escape, sorted(set(noted))))
    return re.compile(b"|".join([*forms, b"(?P<noted>%s)" % values] if values else forms))


def _named(group: str) -> str:
    return "a noted secret" if group == "noted" else list(FORMS)[int(group.removeprefix("form"))]


def _new(run: Path, name: str, suffix: str) -> Path:
    run.mkdir(parents=True, exist_ok=True)
    number, path = tempfile.mkstemp(prefix=f"{name}-", suffix=suffix, dir=run)
    os.close(number)
    return Path(path)

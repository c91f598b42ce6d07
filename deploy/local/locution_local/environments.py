"""Environments of one service each, made from its lock, as when the service is installed alone."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from locution_local.errors import StackError
from locution_local.folder import repository

VARIABLE: Final = "LOCUTION_ENVIRONMENTS"
SERVICES: Final = ("gateway", "registry", "asr", "diarizer")
PACKAGES: Final = {
    **{name: ("protos/gen/python", "services/common", "services/speech", f"services/{name}") for name in SERVICES},
    "client": ("protos/gen/python", "clients/python"),
}
"""The packages of this repository that belong to each lock."""

BUILD_SECONDS: Final = 900.0


def interpreter(service: str) -> str:
    """Return the Python interpreter of a service: this one, unless LOCUTION_ENVIRONMENTS names a folder."""
    return str(_place(service) / "bin/python") if os.environ.get(VARIABLE) else sys.executable


def make() -> list[str]:
    """Create the missing environments if LOCUTION_ENVIRONMENTS names a folder; return their services."""
    made = [service for service in SERVICES if not Path(interpreter(service)).exists()]
    for service in made:
        place = _place(service)
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=".partial-"))
        try:
            build(partial, service, editable=True)
            if not place.exists():  # another stack may have been faster
                partial.rename(place)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return made


def build(folder: Path, service: str, *, editable: bool = False) -> Path:
    """Install a service's lock by hash, with its packages, into a new environment; return its interpreter."""
    python = folder / "bin/python"
    lock, together = (str(repository() / f"requirements/{name}.lock") for name in (service, "dev"))
    packages = [str(repository() / package) for package in PACKAGES[service]]
    into = ("-q", "--python", str(python))
    _uv("venv", "-q", "--allow-existing", "--relocatable", "--python", sys.executable, str(folder))
    _uv("pip", "sync", *into, "--require-hashes", lock)
    named = [part for package in packages for part in (("-e", package) if editable else (package,))]
    _uv("pip", "install", *into, "--no-deps", "--build-constraints", together, *named)
    return python


def uv() -> str:
    """Return the uv of this environment, else that of the system."""
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if found is None:
        raise StackError("uv is not installed; run `make setup`")
    return found


def _place(service: str) -> Path:
    """Return the name of a service's environment, a digest of its sources."""
    lock = (repository() / f"requirements/{service}.lock").read_bytes()
    digest = hashlib.sha256(b"\0".join([lock, sys.version.encode(), str(repository()).encode()])).hexdigest()
    return Path(os.environ[VARIABLE]).expanduser().resolve() / f"{service}-{digest[:12]}"


def _uv(*arguments: str) -> None:
    answer = subprocess.run([uv(), *arguments], capture_output=True, text=True, timeout=BUILD_SECONDS, check=False)
    if answer.returncode:
        raise StackError(f"uv {' '.join(arguments[:2])} failed:\n{answer.stderr.strip()}")

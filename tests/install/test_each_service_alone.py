"""Each service installs by its own lock, with only what it needs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"torch", "ctranslate2", "faster-whisper", "pyannote-audio"}
SHARED = ("protos/gen/python", "services/common", "services/speech")


def uv() -> str:
    """Return the uv of this environment."""
    found = shutil.which("uv", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    assert found, "uv is not installed; run `make setup`"
    return found


def install(folder: Path, lock: str, *packages: str) -> Path:
    """Make an environment from a lock and Locution's own packages; return its interpreter."""
    python = folder / "bin/python"
    for command in (
        ["venv", "-q", "--python", sys.executable, str(folder)],
        ["pip", "sync", "-q", "--python", str(python), "--require-hashes", str(ROOT / "requirements" / lock)],
        ["pip", "install", "-q", "--python", str(python), "--no-deps", *(str(ROOT / package) for package in packages)],
    ):
        done = subprocess.run([uv(), *command], capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
    return python


def installed(python: Path) -> set[str]:
    """Return the names of all distributions."""
    done = subprocess.run(
        [uv(), "pip", "list", "--format", "json", "--python", str(python)], capture_output=True, text=True, check=True
    )
    return {entry["name"] for entry in json.loads(done.stdout)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("lock", "packages", "start", "absent"),
    [
        ("gateway.lock", (*SHARED, "services/gateway"), ["-m", "locution_gateway", "api", "--help"], HEAVY),
        ("gateway.lock", (*SHARED, "services/gateway"), ["-m", "locution_gateway", "worker", "--help"], HEAVY),
        (
            "registry.lock",
            (*SHARED, "services/registry"),
            ["-m", "locution_registry", "--help"],
            HEAVY | {"av", "minio"},
        ),
        (
            "client.lock",
            ("protos/gen/python", "clients/python"),
            ["-m", "locution_client", "--help"],
            HEAVY | {"numpy"},
        ),
        ("asr.lock", (*SHARED, "services/asr"), ["-m", "locution_asr", "--help"], {"torch", "asyncpg", "minio"}),
    ],
    ids=["api", "worker", "registry", "client", "asr"],
)
def test_a_service_installs_and_starts_alone(
    tmp_path: Path, lock: str, packages: tuple[str, ...], start: list[str], absent: set[str]
) -> None:
    python = install(tmp_path / "venv", lock, *packages)
    assert installed(python) & absent == set()
    done = subprocess.run([str(python), *start], capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


@pytest.mark.timeout(600)
@pytest.mark.skipif(
    not os.environ.get("LOCUTION_TEST_LARGE"), reason="4 GB of CUDA libraries: set LOCUTION_TEST_LARGE=1"
)
def test_the_diarizer_installs_and_starts_alone(tmp_path: Path) -> None:
    python = install(tmp_path / "venv", "diarizer.lock", *SHARED, "services/diarizer")
    assert installed(python) & {"ctranslate2", "asyncpg", "minio"} == set()
    done = subprocess.run(
        [str(python), "-m", "locution_diarizer", "--help"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_no_lock_records_an_address() -> None:
    for lock in sorted((ROOT / "requirements").glob("*.lock")):
        assert "://" not in lock.read_text(), lock.name

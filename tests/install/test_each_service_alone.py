"""Each service installs by its own lock, with only what it needs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "deploy/local"))

from locution_local.environments import PACKAGES, build, uv
from locution_local.folder import repository

HEAVY = {"torch", "ctranslate2", "faster-whisper", "pyannote-audio"}
LOCKS = sorted((repository() / "requirements").glob("*.lock"))
# What no service runs in the tests: fuzzing, building images, and GPUs.
APART = {"fuzz", "build", "asr-cuda"}
PIN = re.compile(r"^([a-z0-9.-]+)(?:\[[^\]]*\])?==(\S+)", re.MULTILINE)


def installed(python: Path) -> set[str]:
    """Return the names of all distributions."""
    done = subprocess.run(
        [uv(), "pip", "list", "--format", "json", "--python", str(python)], capture_output=True, text=True, check=True
    )
    return {entry["name"] for entry in json.loads(done.stdout)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("service", "start", "absent"),
    [
        ("gateway", ["locution_gateway", "api"], HEAVY),
        ("gateway", ["locution_gateway", "worker"], HEAVY),
        ("registry", ["locution_registry"], HEAVY | {"av", "numpy"}),
        ("client", ["locution_client"], HEAVY | {"numpy"}),
        ("asr", ["locution_asr"], {"torch", "asyncpg", "minio"}),
    ],
    ids=["api", "worker", "registry", "client", "asr"],
)
def test_a_service_installs_and_starts_alone(tmp_path: Path, service: str, start: list[str], absent: set[str]) -> None:
    python = build(tmp_path / "venv", service)
    assert installed(python) & absent == set()
    command = [str(python), "-m", *start, "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert "usage" in done.stdout.lower()


@pytest.mark.timeout(600)
@pytest.mark.skipif(
    not os.environ.get("LOCUTION_TEST_LARGE"), reason="4 GB of CUDA libraries: set LOCUTION_TEST_LARGE=1"
)
def test_the_diarizer_installs_and_starts_alone(tmp_path: Path) -> None:
    python = build(tmp_path / "venv", "diarizer")
    assert installed(python) & {"ctranslate2", "asyncpg", "minio"} == set()
    done = subprocess.run(
        [str(python), "-m", "locution_diarizer", "--help"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr


def test_there_is_a_lock_for_each_service_and_one_for_all_together() -> None:
    assert {lock.stem for lock in LOCKS} == {*PACKAGES, "dev", *APART}


@pytest.mark.parametrize("lock", [lock for lock in LOCKS if lock.stem not in APART], ids=lambda lock: lock.stem)
def test_a_package_has_one_version_in_all_locks(lock: Path) -> None:
    """What the tests run, in the environment of dev.lock, is what each service is installed with."""
    together = set(PIN.findall((repository() / "requirements/dev.lock").read_text()))
    own = set(PIN.findall(lock.read_text()))
    assert own
    assert own <= together, f"make lock: {sorted(own - together)}"


def test_no_lock_records_an_address() -> None:
    for lock in LOCKS:
        assert "://" not in lock.read_text(), lock.name

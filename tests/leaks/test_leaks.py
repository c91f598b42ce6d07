"""No secret in any log of the whole test run. Runs last in `make test`, over what all other folders left behind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import canaries

SERVICES = {"locution-gateway-api", "locution-gateway-worker", "locution-registry", "asr", "diarizer"}


@pytest.fixture(scope="module")
def run() -> Path:
    """The folder of the run."""
    found = canaries.folder()
    if found is None:
        pytest.skip(f"NOTHING WAS GREPPED: {canaries.VARIABLE} names no folder of logs; `make test` sets it")
    return found


@pytest.mark.timeout(300)
def test_no_secret_is_in_any_log_of_the_run(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = canaries.files(run)
    size = sum(path.stat().st_size for path in read)
    with capsys.disabled():
        print(f"\nread {size:,} bytes of {len(read)} logs for secrets")
    assert size, f"there are no logs in {run}"
    found = [str(leak) for leak in canaries.leaks(run)]
    assert not found, "\n".join([f"{len(found)} leaks in {run}:", *found[:50]])


def test_every_service_was_heard(run: Path) -> None:
    """A run that lost logs on the way has shown nothing."""
    logged: set[str] = set()
    traced: set[str] = set()
    for path in canaries.files(run):
        told = traced if path.suffix == ".jsonl" else logged
        with path.open(errors="replace") as lines:
            told |= {name for line in lines if line.startswith("{") and (name := _service(line))}
    assert logged >= SERVICES, f"no logs of {SERVICES - logged}"
    assert traced >= SERVICES, f"no spans of {SERVICES - traced}"


def _service(line: str) -> str:
    """Return whose line it is; one that a killed process left half written is nobody's."""
    try:
        return str(json.loads(line).get("service", ""))
    except ValueError:
        return ""

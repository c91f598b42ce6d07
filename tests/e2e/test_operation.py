"""What an operator sees: traces, reflection, and jobs that outlive their services."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.conftest import COMMAND_LINE, Installation

SERVICES = {"gateway-api", "gateway-worker", "asr", "diarizer", "registry"}


def test_one_job_is_one_trace_through_the_services(installation: Installation, conversation: dict[str, Any]) -> None:
    if installation.state is None:
        pytest.skip("the spans of a cluster go to its collector")
    for _ in range(120):
        traces: dict[str, set[str]] = defaultdict(set)
        for line in (installation.state / "trace.jsonl").read_text().splitlines()[:-1]:  # the last may be cut short
            span = json.loads(line)
            traces[span["trace_id"]].add(span["service"].removeprefix("locution-"))
        if any(services >= SERVICES for services in traces.values()):
            break
        time.sleep(0.5)
    assert any(services >= SERVICES for services in traces.values()), traces


def test_grpcurl_reaches_the_api_by_reflection(installation: Installation) -> None:
    grpcurl = Path(sys.executable).parent / "grpcurl"
    command = [str(grpcurl), "-plaintext", "-H", f"authorization: Bearer {installation.key}", installation.address]
    listed = subprocess.run([*command, "list"], capture_output=True, text=True, timeout=30, check=True).stdout
    assert "locution.v1.JobService" in listed
    info = subprocess.run(
        [*command, "locution.v1.SystemService/GetServerInfo"], capture_output=True, text=True, timeout=30, check=True
    )
    assert json.loads(info.stdout)["version"]


def test_without_a_key_nothing_is_told(installation: Installation) -> None:
    stranger = Installation(installation.address, "not-a-key", installation.state)
    done = stranger.locution("jobs", "list", check=False)
    assert done.returncode == 4
    assert "UNAUTHENTICATED" in done.stderr


def test_the_filer_of_the_s3_server_answers_nobody(installation: Installation) -> None:
    if installation.state is None:
        pytest.skip("the object store of a cluster is its operator's")
    port = json.loads((installation.state / "state.json").read_text())["ports"]["s3-filer"]
    for method, path in (("GET", "/"), ("GET", "/buckets/locution/"), ("PUT", "/buckets/locution/x"), ("DELETE", "/x")):
        request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
        with pytest.raises(urllib.error.HTTPError, match="401"):
            urllib.request.urlopen(request, timeout=5)


@pytest.mark.timeout(240)
def test_a_job_outlives_the_death_of_its_engines(installation: Installation, sample: Path) -> None:
    installation.stack("status")
    command = [*COMMAND_LINE, "transcribe", str(sample), "--format", "json"]
    job = subprocess.Popen(
        command, env=installation.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    time.sleep(2.5)
    for name in ("asr", "asr-2"):
        installation.stack("kill", name)
    installation.stack("up")
    out, err = job.communicate(timeout=180)
    assert job.returncode == 0, err
    assert len(json.loads(out)["segments"]) > 3

"""Recordings and live audio through the Service."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.cluster.home import ROOT
from tests.cluster.release import Release, helm, objects, secret

END_TO_END_SECONDS = 1100
SELF_TESTS = 4
MOST_OF_THEM = 40
"""Tests that do not need a stack of their own."""


def test_the_loader_brought_the_models(release: Release) -> None:
    """The chart's Job, under restricted, copies models from the bucket to the volume that engines mount read-only"""
    (job,) = [each for each in objects("jobs") if each["metadata"]["name"] == "locution-models-load"]
    assert job["status"]["succeeded"] == 1
    assert "whisper/tiny.en" in release.locution("models", "list")


def test_a_recording_is_transcribed_with_its_speakers(release: Release, sample: Path) -> None:
    """A recording sent to the Service comes back as text with its two speakers"""
    found = release.job(sample)
    assert len({segment["speaker"] for segment in found["segments"]}) == 2
    assert found["duration"] == 30.0


def test_helm_test(release: Release) -> None:
    """`helm test` passes: every process is healthy, a job, a live stream, and a foreign tenant is refused"""
    said = helm("test", release.name, "--timeout", "24m", seconds=1500)
    assert said.count("Phase:          Succeeded") == SELF_TESTS


def test_end_to_end(release: Release) -> None:
    """The end-to-end tests pass against the Service"""
    environment = {**os.environ, "LOCUTION_API_KEY": secret("bootstrap-key")}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/e2e",
        f"--target={release.address}",
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=END_TO_END_SECONDS, check=False
    )
    passed = re.search(r"(\d+) passed", done.stdout)
    assert done.returncode == 0, done.stdout[-6000:]
    assert passed is not None
    assert int(passed[1]) >= MOST_OF_THEM

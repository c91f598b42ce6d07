"""Work that is under way while something is done to the release."""

from __future__ import annotations

import asyncio
import json
import subprocess
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster.release import Release, is_ready, kubectl, pods, wait_for
from tests.e2e.conftest import COMMAND_LINE
from tests.e2e.test_live import Told, talk

MODEL = "whisper/tiny.en"
JOB_SECONDS = 900
REPEATS = 4
"""How often the sample stands in the recording."""


@pytest.fixture(scope="session")
def recording(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two minutes: the sample again and again."""
    path = tmp_path_factory.mktemp("recording") / "recording.wav"
    with wave.open(str(sample), "rb") as once, wave.open(str(path), "wb") as long:
        long.setparams(once.getparams())
        frames = once.readframes(once.getnframes())
        for _ in range(REPEATS):
            long.writeframes(frames)
    return path


@pytest.fixture(scope="session")
def undisturbed_text(release: Release, recording: Path) -> str:
    """The recording's text, without faults."""
    with transcribing(release, recording) as job:
        return job()


@pytest.fixture(scope="session")
def undisturbed(release: Release, pcm: bytes) -> Told:
    """A live session without faults."""
    return asyncio.run(talk(release.installation(), pcm, speed=2, patient=True))


@dataclass(frozen=True)
class Sending:
    """The command line that transcribes a recording in the background."""

    process: subprocess.Popen[str]

    def __call__(self) -> str:
        """Wait for the text; fail with what the command said."""
        out, err = self.process.communicate(timeout=JOB_SECONDS)
        assert self.process.returncode == 0, err
        return out


@contextmanager
def sending(release: Release, recording: Path) -> Iterator[Sending]:
    """Send a recording in the background, and give what waits for its text."""
    command = [*COMMAND_LINE, "transcribe", str(recording), "--format", "txt", "--asr-model", MODEL]
    environment, pipe = release.installation().environment(), subprocess.PIPE
    with subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True) as process:
        try:
            yield Sending(process)
        finally:
            process.kill()


@contextmanager
def transcribing(release: Release, recording: Path) -> Iterator[Sending]:
    """Send a recording in the background, and give what waits for its text once its job runs."""

    def running() -> set[str]:
        listed = json.loads(release.locution("jobs", "list", "--json", "--filter", "state = RUNNING"))
        return {job["name"] for job in listed}

    before = running()
    with sending(release, recording) as text:
        wait_for(lambda: running() - before or text.process.poll() is not None, "the job to run")
        yield text


def kill(name: str) -> None:
    """Kill a component's pods at once, and wait for others."""
    before = {pod["metadata"]["uid"] for pod in pods(name)}
    kubectl("delete", "pods", "--selector", f"app.kubernetes.io/component={name}", "--force", "--grace-period=0")

    def replaced() -> bool:
        found = pods(name)
        fresh = [pod for pod in found if pod["metadata"]["uid"] not in before]
        return len(fresh) == len(found) > 0 and all(is_ready(pod) for pod in fresh)

    wait_for(replaced, f"{name} to be ready again")

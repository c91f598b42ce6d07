"""The whole stack as its users meet it: real processes, real models, the public API alone.

Without --target a stack of the tests' own is started in a temporary folder, with the models that `make models`
installed; each service runs in an environment of its own, made from its lock. With --target=host:port (and
LOCUTION_API_KEY) the same tests run against a cluster; those that must stop
processes skip.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import wave
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support import canaries, models
from tests.support.processes import free_ports

ROOT = Path(__file__).resolve().parents[2]
STACK = ROOT / "deploy/local/stack.py"
COMMAND_LINE = (sys.executable, "-m", "tests.support.filled", "locution_client")

RATE = 16_000
"""Hertz of the sample."""

PATIENCE = 300
"""Seconds that a test may take: the first one waits for the whole stack, which takes long on a busy machine."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test of this folder the time that a start of the stack may take."""
    for item in items:
        if item.path.is_relative_to(Path(__file__).parent) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(PATIENCE))


@dataclass(frozen=True)
class Installation:
    """A running Locution: where it listens, its key, and its state folder where it is ours."""

    address: str
    key: str
    state: Path | None

    def environment(self) -> dict[str, str]:
        """Return the environment of its command line."""
        return {
            **os.environ,
            "LOCUTION_ADDRESS": self.address,
            "LOCUTION_API_KEY": self.key,
            "COLUMNS": "120",
            "PYTHONPATH": str(ROOT),
        }

    def locution(
        self, *arguments: str | Path, timeout: float = 240, check: bool = True
    ) -> subprocess.CompletedProcess[str]:
        """Run the command line; its failure fails the test with what it printed."""
        command = [*COMMAND_LINE, *map(str, arguments)]
        done = subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, timeout=timeout, check=False
        )
        canaries.keep("command-line", done.stderr)
        assert not check or done.returncode == 0, f"{arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def stack(self, *arguments: str, timeout: float = 240) -> str:
        """Run a command of the local stack. Skips the test where the stack is not ours."""
        if self.state is None:
            pytest.skip("this test stops processes and needs a stack of its own")
        return run_stack(self.state, *arguments, timeout=timeout)


def run_stack(state: Path, *arguments: str, timeout: float = 240, extra: Mapping[str, str] | None = None) -> str:
    """Run a command of the local stack in a state folder."""
    environment = {
        **os.environ,
        "LOCUTION_STATE": str(state),
        "LOCUTION_MODELS_ROOT": str(models.FOLDER),
        "LOCUTION_ENVIRONMENTS": os.environ.get("LOCUTION_ENVIRONMENTS") or str(ROOT / ".locution/environments"),
        **(extra or {}),
    }
    done = subprocess.run(
        [sys.executable, str(STACK), *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert done.returncode == 0, f"stack {arguments}: exit {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def installation(request: pytest.FixtureRequest) -> Iterator[Installation]:
    """The installation under test."""
    target = request.config.getoption("--target")
    if target:
        yield Installation(str(target), os.environ["LOCUTION_API_KEY"], None)
        return
    models.model_folder("whisper/base")
    state = Path(tempfile.mkdtemp(prefix="locution-e2e-"))
    try:
        (port,) = free_ports(1, offset=100)  # its metrics lie 100 above; the default may be a developer's own stack
        run_stack(state, "up", extra={"LOCUTION_ASR_REPLICAS": "2", "LOCUTION_PORT": str(port)})
        env = dict(line.split("=", 1) for line in (state / "client.env").read_text().splitlines())
        yield Installation(env["LOCUTION_ADDRESS"], env["LOCUTION_API_KEY"], state)
    finally:
        keep_logs(state)
        run_stack(state, "clean", "--keep-models")
        shutil.rmtree(state, ignore_errors=True)


def keep_logs(state: Path) -> None:
    """Keep the stack's logs and spans for the search for its secrets; an access key is an id."""
    canaries.keep_copies(state / "logs", state / "trace.jsonl")
    found = [path for path in (state / "secrets").glob("*") if path.name != "s3-access-key"]
    canaries.note(*(path.read_text().strip() for path in found))


@pytest.fixture(scope="session")
def sample() -> Path:
    """The conversation that the pyannote.audio wheel carries: 30 s, two speakers, telephone."""
    from importlib.util import find_spec

    spec = find_spec("pyannote.audio")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "sample/sample.wav"


@pytest.fixture(scope="session")
def pcm(sample: Path) -> bytes:
    """The sample's samples."""
    with wave.open(str(sample), "rb") as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        return file.readframes(file.getnframes())


@pytest.fixture(scope="session")
def conversation(
    installation: Installation, sample: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, object]:
    """The sample transcribed through the command line with all defaults, as exported JSON."""
    out = tmp_path_factory.mktemp("conversation") / "sample.json"
    installation.locution("transcribe", sample, "--format", "json", "--output", out)
    return dict(json.loads(out.read_text()))


@pytest.fixture(scope="session")
def excerpt(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten seconds of the sample with dense speech, for tests that ask for no more than words."""
    path = tmp_path_factory.mktemp("excerpt") / "excerpt.wav"
    with wave.open(str(sample), "rb") as whole, wave.open(str(path), "wb") as part:
        part.setparams(whole.getparams())
        whole.setpos(7 * whole.getframerate())
        part.writeframes(whole.readframes(10 * whole.getframerate()))
    return path

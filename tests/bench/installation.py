"""The real services as separate processes: a local stack of the bench's own in a temporary folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import grpc
from locution_client import Client, Connection
from locution_common.channels import open_channel

from tests.bench.command import say
from tests.bench.processes import ProcessGone, resident
from tests.bench.recordings import MODELS, ROOT
from tests.support.processes import free_ports

STACK = ROOT / "deploy/local/stack.py"
PATIENCE = 600.0
"""Seconds that a command of the stack may take."""


class StackFailed(Exception):
    """The local stack did not come up, or did not do as told."""


@dataclass(frozen=True, slots=True)
class Installation:
    """A running local stack and how to reach its parts."""

    state: Path
    settings: Mapping[str, str]

    def stack(self, *arguments: str) -> str:
        """Run a command of the local stack; raises StackFailed with what it printed."""
        environment = {
            **os.environ,
            **self.settings,
            "LOCUTION_STATE": str(self.state),
            "LOCUTION_MODELS_ROOT": str(MODELS),
        }
        done = subprocess.run(
            [sys.executable, str(STACK), *arguments],
            env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip
        if done.returncode:
            raise StackFailed(f"stack {' '.join(arguments)}: {done.stdout}\n{done.stderr}")
        return done.stdout

    def restart(self, *names: str) -> None:
        """End processes and start them again, so that their memory is that of a fresh start."""
        for name in names:
            self.stack("restart", name)

    def end_quietly(self, *names: str) -> None:
        """Kill those processes that still run."""
        for name in names:
            with suppress(ProcessGone):
                resident(self.pid(name))
                self.stack("kill", name)

    def address(self, name: str) -> str:
        """Return where a process listens, host:port."""
        return f"127.0.0.1:{self._record()['ports'][name]}"

    def pid(self, name: str) -> int:
        """Return the id of a process."""
        return int(self._record()["processes"][name]["pid"])

    def secret(self, name: str) -> str:
        """Return one of the stack's own secrets."""
        return (self.state / "secrets" / name).read_text(encoding="utf-8").strip()

    def engine_channel(self, name: str) -> grpc.aio.Channel:
        """Open a channel to asr or diarizer as the worker does, with the service credential."""
        return open_channel(self.address(name), token=self.secret("service-token"))

    def client_settings(self) -> dict[str, str]:
        """Return what the command line must be told."""
        lines = (self.state / "client.env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def client(self) -> Client:
        """Return a client of the public API; use it with `async with`."""
        told = self.client_settings()
        return Client(Connection(told["LOCUTION_ADDRESS"], told["LOCUTION_API_KEY"]))

    def _record(self) -> dict[str, dict[str, dict[str, str]]]:
        record: dict[str, dict[str, dict[str, str]]] = json.loads(
            (self.state / "state.json").read_text(encoding="utf-8")
        )
        return record


@contextmanager
def installation(*, device: str = "cpu", **settings: str) -> Iterator[Installation]:
    """Start all services; end them and remove their state when left. `settings` reach the services' environment."""
    state = Path(tempfile.mkdtemp(prefix="locution-bench-"))
    state.chmod(0o711)
    (port,) = free_ports(1, offset=100)  # its metrics lie 100 above; the default may be a developer's own stack
    chosen = {
        "LOCUTION_PORT": str(port),
        "LOCUTION_ASR_DEVICE": device,
        "LOCUTION_DIARIZER_DEVICE": device,
        **settings,
    }
    made = Installation(state, chosen)
    try:
        say("starting the services")
        made.stack("up")
        yield made
    finally:
        say("ending the services")
        made.stack("clean", "--keep-models")
        shutil.rmtree(state, ignore_errors=True)

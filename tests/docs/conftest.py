"""A fresh clone with its own stack, in which the commands of the documentation run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import wave
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.docs.commands import Command
from tests.e2e.conftest import ROOT, keep_logs, sample
from tests.support import canaries, models

__all__ = ["sample"]

PLAN: dict[str, Any] = tomllib.loads((Path(__file__).parent / "commands.toml").read_text(encoding="utf-8"))
PROTOC = (
    "#!/bin/sh\nexec {python} -c 'import sys; from grpc_tools import protoc; sys.exit(protoc.main(sys.argv))' \"$@\"\n"
)
RECORDING = re.compile(r"\b\w+\.(?:wav|m4a|mp3|mp4|flac|ogg|opus|webm)\b")
FIRST, SECONDS = 7, 10
"""Which part of the conversation stands for a recording of the documentation: dense speech, mostly of one person."""


def entry(command: Command) -> Mapping[str, Any] | None:
    """Return how a command is run; None where it is not placed."""
    return next((each for each in PLAN["command"] if re.fullmatch(each["match"], command.text)), None)


class Clone:
    """A fresh clone: runs commands as a reader would, and remembers what they print."""

    def __init__(self, root: Path, conversation: Path) -> None:
        self.root = root
        self._conversation = conversation
        self._variables = {name: canaries.secret(f"docs-{name}") for name in ("password", "other_password")}
        self._preludes: dict[str, list[str]] = {}

    def follow(self, command: Command) -> str | None:
        """Do what the plan says of a command; return what went wrong."""
        how = entry(command)
        assert how is not None, f"{command} is not placed in commands.toml"
        if "skip" in how or how.get("started"):
            return None
        if how.get("prelude"):
            self._preludes.setdefault(command.page, []).append(command.text)
            return None
        for each in how.get("before", ()):
            self.shell(each)
        problem = self._try(command, how)
        for each in () if problem else how.get("after", ()):
            self.shell(each)
        return problem

    def _try(self, command: Command, how: Mapping[str, Any]) -> str | None:
        """Run a command behind its page's preludes, and take variables from what it prints."""
        text = command.text
        for pattern, replacement in how.get("replace", ()):
            text = re.sub(pattern, replacement, text)
        for name in RECORDING.findall(text):
            self.record(name)
        script = "\n".join([*self._preludes.get(command.page, ()), self._filled(text)])
        done = self.run(script, stdin=self._filled(how.get("stdin", "")))
        if done.returncode != how.get("exit", 0):
            return f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return self._capture(str(command), done.stdout, how.get("capture", {}))

    def _capture(self, what: str, printed: str, variables: Mapping[str, str]) -> str | None:
        """Keep what fits each variable's pattern; return what went wrong."""
        for name, pattern in variables.items():
            found = re.search(pattern, printed)
            if found is None:
                return f"{what}: nothing in its output fits {pattern}\n{printed}"
            self._variables[name] = found[found.re.groups]
        return None

    def shell(self, text: str, **variables: str) -> str:
        """Run a command that must succeed; keep variables that are patterns of its output."""
        done = self.run(self._filled(text))
        assert done.returncode == 0, f"{text}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        problem = self._capture(text, done.stdout, variables)
        assert problem is None, problem
        return done.stdout

    def run(self, text: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run a script of bash in the clone."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("LOCUTION_", "MAKE", "ARGS"))}
        path = f"{self.root / 'bin'}{os.pathsep}{self.root / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", text],
            cwd=self.root,
            env={**kept, "PATH": path},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        canaries.keep("docs", done.stderr)
        return done

    def _filled(self, text: str) -> str:
        for pattern, variable in PLAN["placeholders"].items():
            text = re.sub(pattern, variable, text)
        return re.sub(r"\{(\w+)\}", lambda found: self._variables.get(found[1], found[0]), text)

    def record(self, name: str) -> None:
        """Write a recording; services never believe its ending, so that it may be a WAV under any name."""
        path = self.root / name
        if path.exists():
            return
        with wave.open(str(self._conversation), "rb") as whole, wave.open(str(path), "wb") as part:
            part.setparams(whole.getparams())
            whole.setpos(FIRST * whole.getframerate())
            part.writeframes(whole.readframes(SECONDS * whole.getframerate()))


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory, sample: Path) -> Iterator[Clone]:
    """Clone the checkout, with its environment and its models linked in, and start the stack."""
    models.model_folder("whisper/base")
    root = tmp_path_factory.mktemp("docs") / "locution"
    subprocess.run(["git", "clone", "-q", str(ROOT), str(root)], check=True, capture_output=True, timeout=60)
    _link_environment(root)
    (root / ".locution").mkdir()
    (root / ".locution/models").symlink_to(models.FOLDER.resolve())
    made = Clone(root, sample)
    try:
        made.shell("make up")
        made.record("call.wav")
        made.shell("locution transcribe call.wav --speakers 1")
        made.shell("locution jobs list", job=r"jobs/(\S+)")
        made.shell("locution jobs get {job}", upload=r"uploads/(\S+)")
        yield made
    finally:
        keep_logs(root / ".locution")
        made.shell(f"{sys.executable} deploy/local/stack.py clean --keep-models")


def _link_environment(root: Path) -> None:
    """Give the clone an environment that `make setup` finds finished: its parts are the checkout's."""
    environment = Path(sys.prefix)
    (root / ".venv").mkdir()
    for part in environment.iterdir():
        if part.name != ".ready":
            (root / ".venv" / part.name).symlink_to(part)
    (root / ".venv/.ready").touch()
    (root / "bin").mkdir()
    (root / "bin/protoc").write_text(PROTOC.format(python=sys.executable))
    (root / "bin/protoc").chmod(0o755)

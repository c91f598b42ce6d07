"""Run test folders, each in a pytest process of its own: `python -m tests.lanes FOLDER... -- OPTION...`.

Folders begin in the order given, two at a time. Those after `--last` begin one by one when all others have ended. The
output of a folder is printed whole when it ends. The exit status is 0 only if all folders passed. The options go to
each pytest.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.support import canaries, processes

NO_TESTS: Final = 5
"""The exit status of a pytest whose options deselected every test: an error if no folder ran any."""

BYTECODE: Final = Path(sys.prefix) / ".bytecode"
"""Where bytecode lies that must not lie beside its source."""


@dataclass
class Folder:
    """A folder under test."""

    name: str
    output: Path
    process: subprocess.Popen[bytes]
    passing: Sequence[int]
    began: float = field(default_factory=time.monotonic)

    def report(self) -> bool:
        """Print its output and its end; return whether it passed."""
        sys.stdout.write(self.output.read_text(errors="replace"))
        passed = self.process.returncode in self.passing
        say(f"{'passed' if passed else 'FAILED'}: {self.name} ({time.monotonic() - self.began:.0f} s)")
        return passed


class Run:
    """The folders of a run."""

    def __init__(self, scratch: Path, environment: Mapping[str, str], options: Sequence[str]) -> None:
        self._scratch = scratch
        self._environment = environment
        self._options = options
        self._passing = (0, NO_TESTS) if options else (0,)
        self._running: list[Folder] = []
        self.failed: list[str] = []
        self.ran = False

    def all(self, folders: Sequence[str], lanes: int) -> None:
        """Run folders, `lanes` at once, and wait for their ends."""
        waiting = list(folders)
        while waiting or self._running:
            while waiting and len(self._running) < lanes:
                self._begin(waiting.pop(0))
            self._collect()

    def interrupt(self) -> None:
        """End what runs as Ctrl-C would, and print how far it came."""
        for folder in self._running:
            folder.process.send_signal(signal.SIGINT)
        while self._running:
            self._collect()

    def kill(self) -> None:
        """End what runs at once."""
        for folder in self._running:
            processes.kill(folder.process)

    def _begin(self, name: str) -> None:
        say(f"begins: {name}")
        output = self._scratch / f"{name.strip('/').replace('/', '-')}.txt"
        command = [sys.executable, "-m", "pytest", name, *self._options]
        process = processes.spawn(command, log=output, env=self._environment)
        self._running.append(Folder(name, output, process, self._passing))

    def _collect(self) -> None:
        time.sleep(0.05)
        for folder in [folder for folder in self._running if folder.process.poll() is not None]:
            self._running.remove(folder)
            self.ran = self.ran or folder.process.returncode != NO_TESTS
            if not folder.report():
                self.failed.append(folder.name)


def say(line: str) -> None:
    """Print a line of progress at once."""
    print(f"--- {line}", flush=True)


def run(wanted: argparse.Namespace, options: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run all folders; return the exit status."""
    with tempfile.TemporaryDirectory(prefix="locution-lanes-") as scratch:
        going = Run(Path(scratch), environment, options)
        try:
            going.all(wanted.folders, wanted.lanes)
            going.all(wanted.last, 1)
        except KeyboardInterrupt:
            going.interrupt()
            return 128 + signal.SIGINT
        finally:
            going.kill()
    if going.failed:
        print(f"failed: {' '.join(going.failed)}", file=sys.stderr)
    if not going.ran:
        print("no test was selected", file=sys.stderr)
    return 1 if going.failed or not going.ran else 0


def with_bytecode(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment. If it forbids bytecode beside the sources, keep bytecode in BYTECODE.

    The folders start about a hundred processes. Each would else compile all that it imports: 11 s for the diarizer.
    """
    kept = dict(environment)
    if kept.pop("PYTHONDONTWRITEBYTECODE", ""):
        kept.setdefault("PYTHONPYCACHEPREFIX", str(BYTECODE))
    return kept


def drop_bytecode() -> None:
    """Forget the bytecode of temporary folders, which no later run imports from."""
    shutil.rmtree(BYTECODE / Path(tempfile.gettempdir()).resolve().relative_to("/"), ignore_errors=True)


def run_with_logs(wanted: argparse.Namespace, options: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run all folders, whose logs go to LOCUTION_TEST_LOGS or to a temporary folder, deleted if all folders passed."""
    named = os.environ.pop(canaries.VARIABLE, None)  # for the folders alone: what they print is not a log of the run
    logs = named or tempfile.mkdtemp(prefix="locution-logs-")
    status = run(wanted, options, {**environment, canaries.VARIABLE: logs})
    if status:
        print(f"logs of the run: {logs}", file=sys.stderr)
    elif named is None:
        shutil.rmtree(logs)
    return status


def main(arguments: Sequence[str]) -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*")
    parser.add_argument("--last", nargs="*", default=[], help="folders that begin when all others have ended")
    parser.add_argument("--lanes", type=int, default=2, help="folders that run at once")
    parser.add_argument("--logs", action="store_true", help="collect the logs of the run")
    end = arguments.index("--") if "--" in arguments else len(arguments)
    wanted, options = parser.parse_args(arguments[:end]), arguments[end + 1 :]
    environment = with_bytecode(os.environ)
    try:
        return run_with_logs(wanted, options, environment) if wanted.logs else run(wanted, options, environment)
    finally:
        drop_bytecode()


def stop(_number: int, _frame: object) -> None:
    """End as Ctrl-C does."""
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)
    raise SystemExit(main(sys.argv[1:]))

"""What the command lines of all benches share: options, progress on stderr, one table on stdout."""

from __future__ import annotations

import argparse
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from tests.bench.machine import describe
from tests.bench.table import Row, markdown

FAILED = "FAILED"
_BEGAN = time.monotonic()


def parser(bench: str, description: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options of every bench; `bench` is its module's name."""
    made = argparse.ArgumentParser(
        prog=f"python -m tests.bench.{bench}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    made.add_argument(
        "--small", action="store_true", help="tiny inputs, to see that it works; the figures mean nothing"
    )
    made.add_argument("--output", type=Path, metavar="FILE", help="write the table there too")
    return made


def add_rounds(made: argparse.ArgumentParser, rounds: int = 5) -> None:
    """Add --rounds."""
    made.add_argument(
        "--rounds", type=positive, default=rounds, metavar="N", help=f"interleaved runs of each side ({rounds})"
    )


def add_device(made: argparse.ArgumentParser) -> None:
    """Add --device."""
    made.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where both sides compute (cpu)")


def positive(text: str) -> int:
    """Accept a number from 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is not positive")
    return number


def chosen(text: str) -> tuple[str, ...]:
    """Accept a list with commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def say(line: str) -> None:
    """Print one line of progress with the seconds since the start."""
    print(f"[{time.monotonic() - _BEGAN:7.1f} s] {line}", file=sys.stderr, flush=True)


def failed(name: str, error: Exception) -> Row:
    """Return the line of a row that failed, and print why."""
    traceback.print_exception(error)
    return Row(what=name, aim="", measured=FAILED, remarks=f"{type(error).__name__}: {error}".splitlines()[0])


def end_on_sigterm() -> None:
    """Turn SIGTERM into an orderly exit, so that what was started is ended."""

    def leave(number: int, _frame: FrameType | None) -> None:
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)


def show(
    bench: str, rows: Sequence[Row], options: argparse.Namespace, *, notes: Sequence[str] = (), device: str = "cpu"
) -> None:
    """Print the table with machine, commit and command, ready for docs/benchmarks.md."""
    command = shlex.join(["python", "-m", f"tests.bench.{bench}", *sys.argv[1:]])
    head = [*describe(device), f"Command: `{command}`"]
    if options.small:
        head.append("**Tiny inputs (`--small`): this shows that the bench works, and nothing else.**")
    text = "\n".join([*(f"- {line}" for line in head), *(f"- {note}" for note in notes), "", markdown(rows), ""])
    print(text, flush=True)
    if options.output:
        options.output.write_text(text, encoding="utf-8")

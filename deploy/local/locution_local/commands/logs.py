"""`logs`: show the last lines of the logs, and follow them."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TextIO

from locution_local.commands import Commands
from locution_local.errors import StackError
from locution_local.folder import StateFolder
from locution_local.lifecycle import last_lines


def configure(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("logs", help="show the last lines of the logs")
    parser.add_argument("name", nargs="*", metavar="NAME", help="process name (default: all)")
    parser.add_argument("-n", "--lines", type=int, default=20, help="lines of each log (default: 20)")
    parser.add_argument("-f", "--follow", action="store_true", help="keep printing new lines until interrupted")
    parser.set_defaults(run=run)


def run(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Print the logs."""
    logs = _chosen(folder, arguments.name)
    for log in logs:
        for line in last_lines(log, arguments.lines):
            _show(log, line)
    if arguments.follow:
        _follow(logs)
    return 0


def _chosen(folder: StateFolder, names: list[str]) -> list[Path]:
    known = {log.stem: log for log in sorted(folder.logs.glob("*.log"))}
    missing = [name for name in names if name not in known]
    if missing:
        raise StackError(f"no log of {', '.join(missing)}. Existing logs: {', '.join(known) or 'none'}")
    return [known[name] for name in names] if names else list(known.values())


def _follow(logs: list[Path]) -> None:
    opened = [(log, _at_end(log)) for log in logs]
    while True:
        for log, file in opened:
            for line in file:
                _show(log, line.rstrip("\n"))
        time.sleep(0.2)


def _at_end(log: Path) -> TextIO:
    file = log.open(encoding="utf-8", errors="replace")
    file.seek(0, 2)
    return file


def _show(log: Path, line: str) -> None:
    print(f"{log.stem:<10} | {line}", flush=True)

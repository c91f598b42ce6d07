"""`status`: show for every process whether it is healthy, and the path of its log."""

from __future__ import annotations

import argparse
import dataclasses
import json
from dataclasses import dataclass

from locution_local.commands import Commands
from locution_local.folder import StateFolder
from locution_local.stack import Stack, read_stack

UNWELL = 3
"""Exit status if a process is unhealthy."""


@dataclass(frozen=True, slots=True)
class RoleStatus:
    """Return the state of one process."""

    name: str
    state: str
    pid: int | None
    address: str
    log: str


def configure(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "status", help=f"show the state of each process; exit status {UNWELL} when one is not well"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run)


def run(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Print the state of every process; return 0 if all are healthy."""
    stack = read_stack(folder)
    rows = [_status(stack, role.name) for role in stack.roles] if stack else []
    if arguments.json:
        print(json.dumps([dataclasses.asdict(row) for row in rows], indent=2))
    else:
        _print(rows, folder)
    return 0 if rows and all(row.state == "well" for row in rows) else UNWELL


def _status(stack: Stack, name: str) -> RoleStatus:
    role, log = stack.role(name), str(stack.folder.log(name))
    process = stack.process(role)
    if process is None:
        recorded = name in stack.state.processes
        return RoleStatus(name, "died" if recorded else "down", None, role.address, log)
    return RoleStatus(name, role.probe() or "well", process.pid, role.address, log)


def _print(rows: list[RoleStatus], folder: StateFolder) -> None:
    if not rows:
        print(f"down: no stack in {folder.root}")
    for row in rows:
        print(f"{row.name:<10} {row.state:<8} {row.pid or '-':<8} {row.address:<18} {row.log}")

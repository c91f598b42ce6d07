"""`down`: stop every process, the last started first, and keep all data."""

from __future__ import annotations

import argparse

from locution_local import lifecycle
from locution_local.commands import Commands
from locution_local.folder import StateFolder
from locution_local.stack import Stack, read_stack


def configure(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("down", help="stop every process and keep all data")
    parser.set_defaults(run=run)


def run(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Stop the stack; return 0 even if nothing runs."""
    if not folder.state.exists():
        print(f"nothing to stop: no stack in {folder.root}")
        return 0
    with folder.locked():
        stack = read_stack(folder)
        if stack:
            take_down(stack)
    return 0


def take_down(stack: Stack) -> None:
    """Stop the waves from last to first, each process within its time."""
    lifecycle.stop_strangers(stack)
    for wave in reversed(lifecycle.waves(stack.roles)):
        running = [role for role in wave if stack.process(role)]
        late = lifecycle.stop(stack, running)
        for role in running:
            killed = " (killed after its time limit)" if role.name in late and role.name != "s3" else ""
            print(f"  {role.name:<10} stopped{killed}", flush=True)
    lifecycle.forget(stack, list(stack.state.processes))

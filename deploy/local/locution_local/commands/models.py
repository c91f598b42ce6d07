"""`models`: install the development models, and register them if the stack runs."""

from __future__ import annotations

import argparse

from locution_local import model_files
from locution_local.commands import Commands
from locution_local.folder import StateFolder
from locution_local.registration import register_installed
from locution_local.stack import Stack, models_root, read_stack


def configure(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("models", help="install and register the development models")
    parser.set_defaults(run=run)


def run(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Install the missing models; register them now, or leave it to the next `up`."""
    with folder.locked():
        root = models_root(folder)
        root.mkdir(parents=True, exist_ok=True)
        fresh = model_files.install(root, folder.scratch, _say)
        if not fresh:
            _say(f"the development models are already in {root}")
        stack = read_stack(folder)
        if stack and _gateway_is_well(stack):
            register_installed(stack, _say)
        else:
            _say("the stack is down; `make up` registers the models")
    return 0


def _gateway_is_well(stack: Stack) -> bool:
    role = stack.role("gateway")
    return stack.process(role) is not None and role.probe() is None


def _say(line: str) -> None:
    print(line, flush=True)

"""`clean`: end every process and remove the state."""

from __future__ import annotations

import argparse
import shutil

from locution_local.commands import Commands
from locution_local.commands.down import take_down
from locution_local.folder import StateFolder
from locution_local.model_files import STAMP
from locution_local.stack import Stack, read_stack

OWN = ("client.env", "logs", "postgres", "postgres.new", "s3", "scratch", "secrets", "trace.jsonl")
"""The stack's own files in its state folder; nothing else is ever removed."""


def configure(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser("clean", help="stop every process and remove the state, models included")
    parser.add_argument("--keep-models", action="store_true", help="keep the installed models")
    parser.set_defaults(run=run)


def run(folder: StateFolder, arguments: argparse.Namespace) -> int:
    """Remove the state; return 0 even if there is none."""
    if not (folder.state.exists() or (folder.models / STAMP).exists()):
        print(f"nothing to remove: no stack in {folder.root}")
        return 0
    with folder.locked():
        stack = read_stack(folder)
        if stack:
            take_down(stack)
            _remove_state(folder, stack)
        if not arguments.keep_models:
            shutil.rmtree(folder.models, ignore_errors=True)
        folder.lock.unlink()
        _remove_if_empty(folder)
    return 0


def _remove_state(folder: StateFolder, stack: Stack) -> None:
    if stack.state.postgres_folder:
        shutil.rmtree(stack.state.postgres_folder, ignore_errors=True)
    for path in (folder.root / name for name in OWN):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    folder.state.unlink()


def _remove_if_empty(folder: StateFolder) -> None:
    if not any(folder.root.iterdir()):
        folder.root.rmdir()

"""`environments`: install each service alone, as LOCUTION_ENVIRONMENTS asks."""

from __future__ import annotations

import argparse
import os

from locution_local import environments
from locution_local.commands import Commands
from locution_local.errors import StackError
from locution_local.folder import StateFolder


def configure(commands: Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "environments", help=f"install each service alone into the folder that {environments.VARIABLE} names"
    )
    parser.set_defaults(run=run)


def run(_: StateFolder, arguments: argparse.Namespace) -> int:
    """Make the missing environments. Raises StackError."""
    if not os.environ.get(environments.VARIABLE):
        raise StackError(f"set {environments.VARIABLE} to a folder for the environments")
    for service in environments.make():
        print(f"  {service:<24} environment made", flush=True)
    return 0

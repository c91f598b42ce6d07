"""The commands of the registry."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from locution_common import service, settings
from locution_common.migrate import run_await_schema, run_migrations

from .settings import RegistrySettings

SCHEMA: Final = "registry"
_APPLIED: Final = "SELECT version FROM registry.schema_migrations"
USAGE: Final = """\
usage: python -m locution_registry [COMMAND] [--help] [--check-settings]

  serve          answer locution.registry.v1.RegistryService (what runs without a command)
  migrate        bring the database schema up to date, then exit
  await-schema   wait until the database schema is as new as this release needs, then exit
  load           copy models from the object store to the models root, then exit
"""


def main(argv: Sequence[str]) -> NoReturn:
    """Run the command that the arguments name, by default `serve`, and exit with its code."""
    match list(argv):
        case ["-h" | "--help"]:
            sys.stdout.write(USAGE)
            sys.exit(0)
        case ["migrate", *arguments]:
            sys.exit(run_migrations(arguments, "locution_registry", migrations_folder(), SCHEMA))
        case ["await-schema", *arguments]:
            sys.exit(run_await_schema(arguments, "locution_registry", migrations_folder(), _APPLIED))
        case ["load", *arguments]:
            sys.exit(_load(arguments))
        case ["serve", *arguments] | arguments:
            _serve(arguments)


def migrations_folder() -> Path:
    """Return the folder of migrations: in the installed package, or beside the sources of a checkout."""
    here = Path(__file__).resolve()
    packaged = here.parent / "migrations"
    return packaged if packaged.is_dir() else here.parents[2] / "migrations"


def _load(argv: Sequence[str]) -> int:
    from .load import run_load

    return run_load(argv)


def _serve(argv: Sequence[str]) -> NoReturn:
    loaded = settings.load(RegistrySettings, argv, program="locution_registry serve")
    from .app import start

    service.main(loaded, start, name="locution-registry")

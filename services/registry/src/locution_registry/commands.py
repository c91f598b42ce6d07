"""The commands of the registry."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from locution_common import logs, service, settings
from locution_common.errors import Refused
from locution_common.postgres import MigrationFailed, migrate

from .settings import MigrateSettings, RegistrySettings

SCHEMA: Final = "registry"
USAGE: Final = """\
usage: python -m locution_registry [COMMAND] [--help] [--check-settings]

  serve     answer locution.registry.v1.RegistryService (what runs without a command)
  migrate   bring the database schema up to date, then exit
"""


def main(argv: Sequence[str]) -> NoReturn:
    """Run the command that the arguments name, by default `serve`, and exit with its code."""
    match list(argv):
        case ["-h" | "--help"]:
            sys.stdout.write(USAGE)
            sys.exit(0)
        case ["migrate", *arguments]:
            sys.exit(_migrate(arguments))
        case ["serve", *arguments] | arguments:
            _serve(arguments)


def migrations_folder() -> Path:
    """Return the folder of migrations: in the installed package, or beside the sources of a checkout."""
    here = Path(__file__).resolve()
    packaged = here.parent / "migrations"
    return packaged if packaged.is_dir() else here.parents[2] / "migrations"


def _serve(argv: Sequence[str]) -> NoReturn:
    loaded = settings.load(RegistrySettings, argv, program="locution_registry serve")
    from .app import start

    service.main(loaded, start, name="locution-registry")


def _migrate(argv: Sequence[str]) -> int:
    loaded = settings.load(MigrateSettings, argv, program="locution_registry migrate")
    logs.configure("locution-registry-migrate", "INFO", loaded.secrets())
    try:
        asyncio.run(migrate(loaded.migration_url, migrations_folder(), SCHEMA))
    except (MigrationFailed, Refused, TimeoutError) as error:
        sys.stderr.write(f"locution_registry migrate: {error or 'timed out'}\n")
        return 1
    return 0

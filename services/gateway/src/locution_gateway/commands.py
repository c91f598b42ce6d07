"""The processes of the gateway by name; each imports only what it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, NoReturn

from locution_common import service, settings
from locution_common.migrate import run_await_schema, run_migrations

from locution_gateway.platform.allocator import return_large_buffers
from locution_gateway.settings import ApiSettings, WorkerSettings

SCHEMA: Final = "gateway"
_APPLIED: Final = "SELECT version FROM gateway.schema_migrations"
USAGE: Final = """\
usage: python -m locution_gateway COMMAND [--help] [--check-settings]

  api            serve the public API
  worker         run jobs
  migrate        bring the database schema up to date, then exit
  await-schema   wait until the database schema is as new as this release needs, then exit
  selftest       check a running installation, then exit
"""


def main(argv: Sequence[str]) -> NoReturn:
    """Run the command of the arguments and exit with its code, or with 2 for unknown arguments."""
    name, arguments = (argv[0], argv[1:]) if argv else ("", [])
    command = COMMANDS.get(name)
    if command is None:
        asked = name in ("--help", "-h")
        print(USAGE, file=sys.stdout if asked else sys.stderr, end="")
        sys.exit(0 if asked else 2)
    command(arguments)
    sys.exit(0)


def migrations_folder() -> Path:
    """Return the folder of migrations: in the installed package, or beside the sources of a checkout."""
    here = Path(__file__).resolve()
    packaged = here.parent / "migrations"
    return packaged if packaged.is_dir() else here.parents[2] / "migrations"


def _api(argv: Sequence[str]) -> None:
    loaded = settings.load(ApiSettings, argv, program="locution_gateway api")
    return_large_buffers()
    from locution_gateway.api import start

    service.main(loaded, start, name="locution-gateway-api")


def _worker(argv: Sequence[str]) -> None:
    loaded = settings.load(WorkerSettings, argv, program="locution_gateway worker")
    return_large_buffers()
    from locution_gateway.worker import start

    service.main(loaded, start, name="locution-gateway-worker")


def _migrate(argv: Sequence[str]) -> None:
    sys.exit(run_migrations(argv, "locution_gateway", migrations_folder(), SCHEMA))


def _await_schema(argv: Sequence[str]) -> None:
    sys.exit(run_await_schema(argv, "locution_gateway", migrations_folder(), _APPLIED))


def _selftest(argv: Sequence[str]) -> None:
    from locution_gateway.selftest.command import run_selftest

    sys.exit(run_selftest(argv))


COMMANDS: Final[Mapping[str, Callable[[Sequence[str]], None]]] = {
    "api": _api,
    "worker": _worker,
    "migrate": _migrate,
    "await-schema": _await_schema,
    "selftest": _selftest,
}

"""The commands of a service that owns a Postgres schema: `migrate`, and `await-schema` for those that only use it."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from . import logs, settings
from .errors import Refused
from .postgres import MigrationFailed, await_schema, migrate


def run_migrations(argv: Sequence[str], program: str, folder: Path, schema: str) -> int:
    """Bring the schema up to date with the migrations of a folder, and return the exit code."""
    name = f"{program} migrate"
    loaded = settings.load(settings.MigrateSettings, argv, program=name)
    work = migrate(loaded.migration_url, folder, schema, patience=loaded.migration_wait)
    return _run(name, loaded, work)


def run_await_schema(argv: Sequence[str], program: str, folder: Path, applied: str) -> int:
    """Wait until the migrations of a folder are applied, and return the exit code; `applied` selects their versions."""
    name = f"{program} await-schema"
    loaded = settings.load(settings.AwaitSchemaSettings, argv, program=name)
    url = loaded.database_url.get_secret_value()
    return _run(name, loaded, await_schema(url, folder, applied, patience=loaded.migration_wait))


def _run(name: str, loaded: settings.Settings, work: Coroutine[Any, Any, None]) -> int:
    logs.configure(name.replace("_", "-").replace(" ", "-"), "INFO", loaded.secrets())
    try:
        asyncio.run(work)
    except (MigrationFailed, Refused, TimeoutError) as error:
        sys.stderr.write(f"{name}: {error or 'timed out'}\n")
        return 1
    return 0

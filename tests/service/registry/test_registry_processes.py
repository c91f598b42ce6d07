"""The processes: what they say of their settings, how they migrate and how they end."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from tests.service.registry.conftest import TOKEN
from tests.support import canaries
from tests.support.postgres import Postgres, database  # noqa: F401  # a fixture

PASSWORD = canaries.secret("database-password")


async def start(*arguments: str, **settings: str) -> asyncio.subprocess.Process:
    """Start `python -m locution_registry` with nothing but these settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCUTION_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "locution_registry",
        *arguments,
        env={**kept, **{f"LOCUTION_{name}": value for name, value in settings.items()}},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def finish(*arguments: str, **settings: str) -> tuple[int | None, str, str]:
    """Run it to its end; return code, output and errors."""
    process = await start(*arguments, **settings)
    output, errors = await asyncio.wait_for(process.communicate(), 50)
    canaries.keep("registry", output, errors)
    return process.returncode, output.decode(), errors.decode()


async def tables(url: str) -> list[str]:
    """Name the tables of the schema."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'registry' ORDER BY 1")
    finally:
        await connection.close()
    return [row[0] for row in rows]


async def test_migrations_at_once_on_a_fresh_database(database: str) -> None:  # noqa: F811  # the fixture
    results = await asyncio.gather(*(finish("migrate", MIGRATION_DATABASE_URL=database) for _ in range(3)))
    assert [code for code, _, _ in results] == [0, 0, 0], results
    assert await tables(database) == ["changes", "models", "schema_migrations", "serving"]


async def test_the_service_waits_for_its_schema_in_a_role_that_owns_nothing(postgres: Postgres) -> None:
    postgres.sql("CREATE ROLE locution_registry LOGIN")
    try:
        with postgres.database() as url:
            role = url.replace("postgres@", "locution_registry@")
            code, _, errors = await finish("await-schema", DATABASE_URL=role, MIGRATION_WAIT="0")
            assert code == 1
            assert "the schema is not migrated; waited 0 s: relation" in errors
            assert (await finish("migrate", MIGRATION_DATABASE_URL=url))[0] == 0
            assert (await finish("await-schema", DATABASE_URL=role, MIGRATION_WAIT="0"))[0] == 0
    finally:
        postgres.sql("DROP ROLE locution_registry")


async def test_a_failed_migration_is_told_without_the_password() -> None:
    url = f"postgresql://owner:{PASSWORD}@127.0.0.1:1/none"
    code, output, errors = await finish("migrate", MIGRATION_DATABASE_URL=url, MIGRATION_WAIT="0")
    assert code == 1
    assert "cannot be reached" in errors
    assert PASSWORD not in output + errors


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ((), ["LOCUTION_DATABASE_URL", "LOCUTION_MODELS_ROOT", "LOCUTION_SERVING_TTL"]),
        (("serve",), ["LOCUTION_DATABASE_URL", "LOCUTION_MODELS_ROOT", "LOCUTION_SERVING_TTL"]),
        (("migrate",), ["LOCUTION_MIGRATION_DATABASE_URL"]),
        (("await-schema",), ["LOCUTION_DATABASE_URL"]),
    ],
)
async def test_every_wrong_setting_is_named(arguments: tuple[str, ...], named: list[str]) -> None:
    wrong = {"SERVING_TTL": "soon"}
    code, _, errors = await finish(*arguments, "--check-settings", **wrong)
    assert code == 2
    for name in named:
        assert name in errors


async def test_help() -> None:
    code, output, _ = await finish("--help")
    assert (code, "migrate" in output) == (0, True)
    code, output, _ = await finish("serve", "--help")
    assert (code, "LOCUTION_MODELS_ROOT" in output) == (0, True)


async def test_it_serves_until_it_is_told_to_stop(registry_database: str, models: Path) -> None:
    url = registry_database.replace("postgres@", f"postgres:{PASSWORD}@")
    settings = {"DATABASE_URL": url, "MODELS_ROOT": str(models), "LISTEN": "127.0.0.1:0"}
    said: list[bytes] = []
    process = await start("serve", **settings, SERVICE_TOKEN=TOKEN)
    try:
        assert process.stderr is not None
        async with asyncio.timeout(40):
            while b'"serving"' not in (line := await process.stderr.readline()):
                assert line, "it ended"
                said.append(line)
        process.send_signal(signal.SIGTERM)
        canaries.keep("registry", *said, *await asyncio.wait_for(process.communicate(), 30))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0

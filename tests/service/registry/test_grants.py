"""The registry's database role may do what its statements do, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import locution_registry
import pytest
from locution_common.postgres import migrate
from locution_registry.commands import SCHEMA, migrations_folder

from tests.support.grants import Code, refused, surplus
from tests.support.postgres import Postgres

ROLE = "locution_registry"
STATEMENTS = Code("locution_registry", Path(locution_registry.__file__).parent).all_statements()


@pytest.fixture
async def owner(postgres: Postgres) -> AsyncIterator[asyncpg.Connection]:
    postgres.sql(f"CREATE ROLE {ROLE} LOGIN")
    try:
        with postgres.database() as url:
            await migrate(url, migrations_folder(), SCHEMA)
            connection = await asyncpg.connect(url)
            yield connection
            await connection.close()
    finally:
        postgres.sql(f"DROP ROLE {ROLE}")


async def test_the_role_may_run_its_statements_and_nothing_else(owner: asyncpg.Connection) -> None:
    assert len(STATEMENTS) > 6
    assert await refused(owner, ROLE, STATEMENTS) == []
    assert await surplus(owner, SCHEMA, ROLE, STATEMENTS) == []

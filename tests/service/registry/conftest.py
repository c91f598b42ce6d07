"""A migrated database for each test of the registry."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from locution_common.postgres import Pool, migrate, open_pool
from locution_registry.commands import SCHEMA, migrations_folder

from tests.support.postgres import Postgres, postgres  # noqa: F401  # a fixture


async def prepare(url: str) -> None:
    """Migrate a fresh database."""
    await migrate(url, migrations_folder(), SCHEMA)


@pytest.fixture
def registry_database(postgres: Postgres) -> Iterator[str]:  # noqa: F811  # the fixture
    """The URL of a database with schema `registry`."""
    with postgres.database(template=postgres.template("registry", prepare)) as url:
        yield url


@pytest.fixture
async def pool(registry_database: str) -> AsyncIterator[Pool]:
    """Connections to it."""
    async with open_pool(registry_database) as pool:
        yield pool

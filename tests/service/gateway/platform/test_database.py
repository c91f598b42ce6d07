"""Errors of an unreachable Postgres: callers may retry them, and no row is blamed for them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from locution_common.errors import DependencyUnavailable
from locution_common.postgres import Connection, open_pool
from locution_common.retry import is_transient
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import Principal, Role, TenantId
from locution_gateway.platform.troubled import TroubledRows, Work

MEMBER = Principal(TenantId(uuid4()), "member", Role.MEMBER)
TRANSIENT = [
    asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.DeadlockDetectedError("deadlock detected"),
    ConnectionResetError(),
    TimeoutError(),
]


@pytest.fixture
async def owner(gateway_database: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    connection = await asyncpg.connect(gateway_database)
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def database(gateway_database: str) -> AsyncIterator[TenantDatabase]:
    async with open_pool(gateway_database.replace("postgres@", "locution_api@"), size=2) as pool:
        yield TenantDatabase(pool)


def ways(database: TenantDatabase) -> list[AbstractAsyncContextManager[Connection]]:
    return [database.transaction(MEMBER), database.across_tenants()]


@pytest.mark.parametrize("error", TRANSIENT, ids=lambda error: type(error).__name__)
async def test_an_error_that_may_pass_may_be_retried(database: TenantDatabase, error: Exception) -> None:
    for way in ways(database):
        with pytest.raises(DependencyUnavailable) as caught:
            async with way:
                raise error
        assert is_transient(caught.value)
        assert caught.value.__cause__ is error


async def lose(owner: asyncpg.Connection[Any], way: AbstractAsyncContextManager[Connection]) -> None:
    """Run a statement on a connection whose session the server has ended."""
    async with way as connection:
        await owner.execute("SELECT pg_terminate_backend($1, 10000)", connection.get_server_pid())
        await connection.fetchval("SELECT 1")


async def test_a_session_that_the_server_ends_may_be_retried(
    database: TenantDatabase, owner: asyncpg.Connection[Any]
) -> None:
    for way in ways(database):
        with pytest.raises(DependencyUnavailable):
            await lose(owner, way)
    for way in ways(database):
        async with way as connection:
            assert await connection.fetchval("SELECT 1") == 1


async def test_a_wrong_statement_stays_what_it_is(database: TenantDatabase) -> None:
    for way in ways(database):
        with pytest.raises(asyncpg.UndefinedTableError):
            async with way as connection:
                await connection.execute("SELECT 1 FROM gateway.nothing")


async def test_no_row_is_blamed_for_a_lost_connection(database: TenantDatabase, owner: asyncpg.Connection[Any]) -> None:
    async def lost() -> None:
        await lose(owner, database.transaction(MEMBER))

    async def fail() -> None:
        async with database.transaction(MEMBER) as connection:
            await connection.execute("SELECT 1 / 0")

    rows = TroubledRows(database)
    await rows.attempt(Work.SETTLE_LIVE, [(MEMBER.tenant_id, "lost", lost), (MEMBER.tenant_id, "failed", fail)])
    assert [row.row_id for row in await rows.list(10)] == ["failed"]

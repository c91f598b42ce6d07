"""The services' database roles may do what their statements do, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import locution_gateway
import pytest
from locution_gateway import api, worker

from tests.support.grants import Code, Definition, refused, surplus

CODE = Code("locution_gateway", Path(locution_gateway.__file__).parent)

# Statements that end in the code: the rest of a list's query.
ENDS = {Definition("locution_gateway.jobs.postgres.sql", "COUNT"): ") AS counted"}

# What the worker reaches by name and only the api runs.
API_ALONE = {
    "locution_gateway.platform.requests": {"FIND", "CLAIM"},
    "locution_gateway.platform.troubled": {"COUNT", "FORGET", "LIST"},
    "locution_gateway.voices.sql": {
        "CHECKSUMS", "COUNT", "CREATE", "DELETE", "GET", "LOCK", "SAMPLE", "SELECT", "UPDATE",
    },
}  # fmt: skip

# What a function does with its caller's rights.
CALLED = {
    Definition(
        "drop_folder", "INSERT"
    ): "INSERT INTO gateway.deletions (tenant_id, object_key, due_time) VALUES ($1, $2, $3)"
}


def statements(role: str) -> dict[Definition, str]:
    """Return the statements of a role's process."""
    process, entry = {"locution_api": (api, "open_api"), "locution_worker": (worker, "open_worker")}[role]
    wait = Definition("locution_gateway.commands", "_await_schema")
    found = CODE.statements(wait, *(Definition(feature.__name__, entry) for feature in process.FEATURES))
    if role == "locution_worker":
        found = {where: text for where, text in found.items() if where.name not in API_ALONE.get(where.module, ())}
    found = {where: text + ENDS.get(where, "") for where, text in found.items()}
    return found | CALLED if any("gateway.drop_folder(" in text for text in found.values()) else found


@pytest.fixture
async def owner(gateway_database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(gateway_database)
    yield connection
    await connection.close()


def test_every_statement_belongs_to_a_process() -> None:
    parts = {Definition("locution_gateway.quotas.postgres.quotas", "_STORED")}
    run = {*statements("locution_api"), *statements("locution_worker")}
    assert CODE.all_statements().keys() - parts - run == set()
    assert len(run) > 200


@pytest.mark.parametrize("role", ["locution_api", "locution_worker"])
async def test_a_role_may_run_its_statements(owner: asyncpg.Connection, role: str) -> None:
    assert await refused(owner, role, statements(role)) == []


@pytest.mark.parametrize("role", ["locution_api", "locution_worker"])
async def test_a_role_may_do_nothing_else(owner: asyncpg.Connection, role: str) -> None:
    assert await surplus(owner, "gateway", role, statements(role)) == []

"""The processes of the gateway wait for their schema in their own roles, which own nothing."""

from __future__ import annotations

import asyncio
import os
import sys

import asyncpg
import pytest

from tests.support import canaries


async def wait(url: str) -> tuple[int | None, str]:
    """Run the command that waits for the schema; return its code and what it says."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCUTION_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "locution_gateway", "await-schema"),
        env={**kept, "LOCUTION_DATABASE_URL": url, "LOCUTION_MIGRATION_WAIT": "0"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await asyncio.wait_for(process.communicate(), 50)
    canaries.keep("gateway", output, errors)
    return process.returncode, errors.decode()


@pytest.mark.parametrize("role", ["locution_api", "locution_worker"])
async def test_a_role_sees_whether_its_schema_is_new_enough(gateway_database: str, role: str) -> None:
    url = gateway_database.replace("postgres@", f"{role}@")
    assert await wait(url) == (0, "")
    connection = await asyncpg.connect(gateway_database)
    try:
        last = await connection.fetchval("SELECT max(version) FROM gateway.schema_migrations")
        await connection.execute("INSERT INTO gateway.schema_migrations VALUES ('20990101000000')")
        assert await wait(url) == (0, ""), "a newer schema serves an older release"
        await connection.execute("DELETE FROM gateway.schema_migrations WHERE version = $1", last)
    finally:
        await connection.close()
    code, told = await wait(url)
    assert code == 1
    assert f"migrations are missing; the first is {last}" in told

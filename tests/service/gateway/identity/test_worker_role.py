"""What the worker's database role reaches: claims through functions, the claimed tenant's rows, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import asyncpg
import pytest
from locution_common.postgres import open_pool
from locution_gateway.jobs.models import StageKind
from locution_gateway.pipeline.models import LeaseLostError
from locution_gateway.pipeline.postgres import PostgresStages
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.principal import TenantId, system
from locution_gateway.platform.troubled import TroubledRows

from tests.service.gateway.identity.world import World
from tests.service.gateway.platform.test_tenants import OPEN_TABLES, TENANT_TABLES

ROLE = "locution_worker"

# What a worker never reads, of any tenant.
CREDENTIALS = {"users", "api_keys", "sessions", "invitations", "oidc_issuers"}

DOORS = {
    "charge_stage",
    "claim_stage",
    "expired_stages",
    "claim_webhook_deliveries",
    "forget_webhook_deliveries",
    "webhook_backlog",
    "row_failed",
    "row_recovered",
    "tenant_share",
}

DEFINERS = """
SELECT p.proname, has_function_privilege($1, p.oid, 'EXECUTE') AS open, p.prorettype = 'trigger'::regtype AS trigger
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'gateway' AND p.prosecdef
"""

POWERS = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = $1"

OWNED = """
SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = 'gateway' AND pg_get_userbyid(c.relowner) = $1
"""

MEMBERSHIPS = "SELECT count(*) FROM pg_auth_members WHERE member = $1::regrole"


@pytest.fixture
async def database(gateway_database: str) -> AsyncIterator[TenantDatabase]:
    """What the worker's role sees."""
    async with open_pool(gateway_database.replace("postgres@", f"{ROLE}@"), size=2) as pool:
        yield TenantDatabase(pool)


async def tenants(world: World) -> dict[str, TenantId]:
    rows = await world.api.owner.fetch("SELECT name, tenant_id FROM gateway.tenants")
    return {name: TenantId(tenant_id) for name, tenant_id in rows}


async def seen(connection: asyncpg.Connection, table: str) -> set[TenantId] | None:
    """Return whose rows of a table are seen; None where it may not be read at all."""
    try:
        async with connection.transaction():
            rows = await connection.fetch(f"SELECT DISTINCT tenant_id FROM gateway.{table}")
    except asyncpg.InsufficientPrivilegeError:
        return None
    return {TenantId(row[0]) for row in rows}


async def test_outside_of_a_claim_no_tenants_rows_are_seen(world: World, database: TenantDatabase) -> None:
    filled = 0
    for table, _secured in await world.api.owner.fetch(TENANT_TABLES):
        if table in OPEN_TABLES:
            continue
        filled += await world.api.owner.fetchval(f"SELECT count(*) > 0 FROM gateway.{table}")
        async with database.across_tenants() as connection:
            assert await seen(connection, table) in (None, set()), table
    assert filled > 15


async def test_inside_of_a_claim_its_tenants_rows_alone_are_seen(world: World, database: TenantDatabase) -> None:
    ids = await tenants(world)
    mine, theirs, read = ids[world.mine.name], ids[world.theirs.name], set()
    for table, _secured in await world.api.owner.fetch(TENANT_TABLES):
        if table in OPEN_TABLES:
            continue
        everybody = await world.api.owner.fetch(f"SELECT DISTINCT tenant_id FROM gateway.{table}")
        async with database.transaction(system(mine)) as connection:
            found = await seen(connection, table)
        assert (found or set()) <= {mine}, table
        assert found is None or table not in CREDENTIALS, table
        if found and theirs in {row[0] for row in everybody}:
            read.add(table)
    assert read >= {"jobs", "stages", "uploads", "objects", "job_events", "voices"}


async def test_credentials_cannot_be_read_at_all(world: World, database: TenantDatabase) -> None:
    mine = (await tenants(world))[world.mine.name]
    for table in CREDENTIALS:
        async with database.transaction(system(mine)) as connection:
            assert await seen(connection, table) is None, table


async def test_another_tenants_rows_cannot_be_changed_or_made(world: World, database: TenantDatabase) -> None:
    ids = await tenants(world)
    mine, theirs = ids[world.mine.name], ids[world.theirs.name]
    before = await world.api.owner.fetch("SELECT * FROM gateway.jobs WHERE tenant_id = $1 ORDER BY job_id", theirs)
    assert before
    async with database.transaction(system(mine)) as connection:
        for changed in ("gateway.jobs SET warnings = '[]'", "gateway.stages SET message = 'mine'"):
            assert await connection.execute(f"UPDATE {changed} WHERE tenant_id = $1", theirs) == "UPDATE 0"
    made = "INSERT INTO gateway.deletions (tenant_id, object_key) VALUES ($1, 'uploads/')"
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with database.transaction(system(mine)) as connection:
            await connection.execute(made, theirs)
    after = await world.api.owner.fetch("SELECT * FROM gateway.jobs WHERE tenant_id = $1 ORDER BY job_id", theirs)
    assert after == before


async def test_a_lease_of_one_tenant_opens_nothing_of_another(world: World, database: TenantDatabase) -> None:
    ids = await tenants(world)
    client = await world.client(world.theirs.keys["MEMBER"])
    await client.job(world.theirs.things["uploads"])
    stages = PostgresStages(database, timedelta(days=1), TroubledRows(database))
    lease = None
    while lease is None or lease.tenant_id != ids[world.theirs.name]:
        lease = await stages.claim("w", timedelta(minutes=1), [StageKind.DECODE])
        assert lease is not None
    forged = replace(lease, tenant_id=ids[world.mine.name])
    with pytest.raises(LeaseLostError):
        await stages.begin(forged)
    with pytest.raises(LeaseLostError):
        await stages.renew(forged, timedelta(minutes=1), 0)
    assert await stages.finished(forged, list(StageKind)) == ()
    assert (await stages.begin(lease)).job.tenant_id == ids[world.theirs.name]


async def test_the_role_has_no_way_around(world: World, database: TenantDatabase) -> None:
    owner = world.api.owner
    assert list(await owner.fetchrow(POWERS, ROLE)) == [False] * 4
    assert await owner.fetchval(OWNED, ROLE) == 0
    assert await owner.fetchval(MEMBERSHIPS, ROLE) == 0
    doors = {name for name, is_open, trigger in await owner.fetch(DEFINERS, ROLE) if is_open and not trigger}
    assert doors == DOORS
    ways = (
        "SET ROLE locution_api",
        "ALTER TABLE gateway.jobs DISABLE ROW LEVEL SECURITY",
        "CREATE POLICY all_of_it ON gateway.jobs USING (true)",
        "SET LOCAL row_security = off; SELECT * FROM gateway.jobs",
        "CREATE FUNCTION gateway.current_tenant() RETURNS uuid LANGUAGE sql RETURN null::uuid",
        "TRUNCATE gateway.jobs",
    )
    for way in ways:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            async with database.across_tenants() as connection, connection.transaction():
                await connection.execute(way)

"""The store in Postgres: the port's obligations, the audit, the plans of its statements, and its rights."""

from __future__ import annotations

import json

import asyncpg
import pytest
from locution_common.postgres import Pool, migrate
from locution_registry.adapters import statements
from locution_registry.adapters.postgres_store import PostgresStore
from locution_registry.commands import SCHEMA, migrations_folder
from locution_registry.domain.models import Action, Kind, ModelPath, Replica

from tests.support.postgres import Postgres
from tests.unit.registry.store_conformance import ACTOR, StoreConformance, model, save

SEED = """
INSERT INTO registry.models
SELECT 's' || n % 100, 'w' || n, CASE WHEN n % 50 = 0 THEN 'diarization' ELSE 'asr' END, 'p', 'l', '{"languages": []}',
    '[]', 0, repeat('a', 64), 'enabled', NULL, false, NULL, NULL, NULL, NULL, NULL, 'x', 'x', now(), now()
FROM generate_series(1, 20000) AS n
"""
SEED_SERVING = """
INSERT INTO registry.serving
SELECT 'r' || n % 10, set_name, model_name, now(), now() + interval '1 minute'
FROM registry.models, generate_series(1, 3) AS n WHERE model_name < 'w2'
"""


class TestPostgresStore(StoreConformance):
    @pytest.fixture
    def store(self, pool: Pool) -> PostgresStore:
        return PostgresStore(pool)


async def test_every_change_is_audited_with_what_was_and_is(pool: Pool) -> None:
    store = PostgresStore(pool)
    [first] = await save(store, model("whisper/base"))
    async with store.changing() as changes:
        await changes.save(first.disabled("broken"), Action.DISABLE, ACTOR)
    lines = await pool.fetch("SELECT * FROM registry.changes ORDER BY change_id")
    assert [line["action"] for line in lines] == ["register", "disable"]
    assert {line["created_by"] for line in lines} == {ACTOR}
    assert lines[0]["before"] is None
    assert lines[1]["before"] == lines[0]["after"]
    assert lines[1]["before"]["state"] == "enabled"
    assert (lines[1]["after"]["state"], lines[1]["after"]["state_reason"]) == ("disabled", "broken")
    assert lines[1]["after"]["files"][0]["modified_ns"] == 1_700_000_000_123_456_789


async def test_the_database_itself_refuses_a_second_default(pool: Pool) -> None:
    store = PostgresStore(pool)
    await save(store, model("a/a").default(True))
    with pytest.raises(asyncpg.UniqueViolationError):
        await save(store, model("a/b").default(True))


async def test_expired_reports_are_removed_by_the_next_one(pool: Pool) -> None:
    store = PostgresStore(pool)
    await save(store, model("a/a"))
    await pool.execute("INSERT INTO registry.serving VALUES ('dead', 'a', 'a', now(), now() - interval '1 second')")
    await store.report_serving(Replica("alive"), Kind.ASR, [ModelPath.parse("a/a")], 60)
    assert [row["replica"] for row in await pool.fetch("SELECT replica FROM registry.serving")] == ["alive"]


@pytest.mark.parametrize(
    ("statement", "arguments", "index"),
    [
        (statements.FIND, ("s7", "w7"), "models_pkey"),
        (statements.FIND, ("s7", "w7"), "serving_by_model"),
        (statements.OF_KIND, ("diarization",), "models_by_age"),
        (statements.PAGE, (None, "s5", "w1", 51), "models_pkey"),
        (statements.DEFAULT_OF, ("asr",), "models_default"),
    ],
)
async def test_hot_statements_use_their_indexes(
    pool: Pool, statement: str, arguments: tuple[object, ...], index: str
) -> None:
    await pool.execute(SEED)
    await pool.execute(SEED_SERVING)
    await pool.execute("ANALYZE registry.models, registry.serving")
    [row] = await pool.fetch("EXPLAIN (FORMAT JSON) " + statement, *arguments)
    plan = json.dumps(row[0])
    assert index in plan
    assert '"Seq Scan"' not in plan


async def test_the_application_role_cannot_delete_or_rewrite_history(postgres: Postgres) -> None:
    postgres.sql("CREATE ROLE locution_registry LOGIN")
    try:
        with postgres.database() as url:
            await migrate(url, migrations_folder(), SCHEMA)
            connection = await asyncpg.connect(url.replace("postgres@", "locution_registry@"))
            try:
                await _may_work_but_not_delete(connection)
            finally:
                await connection.close()
    finally:
        postgres.sql("DROP ROLE locution_registry")


async def _may_work_but_not_delete(connection: asyncpg.Connection[asyncpg.Record]) -> None:
    await connection.execute(SEED)
    await connection.execute(SEED_SERVING)
    await connection.execute("DELETE FROM registry.serving")
    for forbidden in (
        "DELETE FROM registry.models",
        "UPDATE registry.changes SET created_by = 'me'",
        "DELETE FROM registry.changes",
        "DROP TABLE registry.serving",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(forbidden)

"""Pool, migrations and wake-ups on a real Postgres."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import asyncpg
import pytest
from locution_common.errors import DependencyUnavailable
from locution_common.postgres import (
    MigrationFailed,
    Pool,
    is_unavailable,
    listening,
    migrate,
    open_pool,
    probe,
    translate,
)

from tests.support.clock import ManualClock
from tests.support.postgres import Postgres

FIRST = """-- migrate:up
CREATE TABLE things (id bigint PRIMARY KEY, body jsonb NOT NULL);
-- migrate:down
DROP TABLE things;
"""
SECOND = """-- migrate:up
ALTER TABLE things ADD COLUMN note text;
-- migrate:down
ALTER TABLE things DROP COLUMN note;
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "20260101000000_first.sql").write_text(FIRST)
    (tmp_path / "20260102000000_second.sql").write_text(SECOND)
    return tmp_path


async def applied(pool: Pool, schema: str) -> int:
    return int(await pool.fetchval(f'SELECT count(*) FROM "{schema}".schema_migrations'))


async def test_three_migrate_a_fresh_database_at_once(database: str, folder: Path) -> None:
    await asyncio.gather(*(migrate(database, folder, "things") for _ in range(3)))
    async with open_pool(database, schema="things") as pool:
        assert await applied(pool, "things") == 2
        assert await pool.fetchval("SELECT count(*) FROM things.things WHERE note IS NULL") == 0


async def test_two_schemas_of_one_database_migrate_at_once(database: str, folder: Path) -> None:
    await asyncio.gather(migrate(database, folder, "one"), migrate(database, folder, "two"))
    async with open_pool(database) as pool:
        assert [await applied(pool, schema) for schema in ("one", "two")] == [2, 2]


async def test_migrations_apply_once_and_new_ones_later(database: str, folder: Path) -> None:
    second = folder / "20260102000000_second.sql"
    second.unlink()
    await migrate(database, folder, "things")
    await migrate(database, folder, "things")
    second.write_text(SECOND)
    await migrate(database, folder, "things")
    async with open_pool(database) as pool:
        assert await applied(pool, "things") == 2


async def test_a_broken_migration_fails_and_leaves_nothing_of_itself(database: str, folder: Path) -> None:
    third = "-- migrate:up\nCREATE TABLE more ();\nSELECT nonsense;\n-- migrate:down\n"
    (folder / "20260103000000_third.sql").write_text(third)
    with pytest.raises(MigrationFailed, match="nonsense"):
        await migrate(database, folder, "things")
    async with open_pool(database) as pool:
        assert await applied(pool, "things") == 2
        assert await pool.fetchval("SELECT to_regclass('things.more')") is None


async def test_a_schema_name_is_checked(database: str, folder: Path) -> None:
    with pytest.raises(ValueError, match="not a schema name"):
        await migrate(database, folder, 'x"; DROP SCHEMA public; --')


async def test_json_values_are_python_values(database: str, folder: Path) -> None:
    await migrate(database, folder, "things")
    async with open_pool(database, schema="things") as pool:
        body = {"words": [1, 2.5, None, "ü\u2028"], "nested": {"a": True}}
        await pool.execute("INSERT INTO things (id, body) VALUES (1, $1)", body)
        assert await pool.fetchval("SELECT body FROM things") == body


async def test_connections_name_their_application_and_end_slow_statements(database: str) -> None:
    async with open_pool(database, application="locution-test", timeout=0.2) as pool:
        assert await pool.fetchval("SHOW application_name") == "locution-test"
        with pytest.raises(TimeoutError):
            await pool.execute("SELECT pg_sleep(5)")
        assert await pool.fetchval("SELECT 1") == 1


async def test_an_absent_server_is_a_dependency_that_is_unavailable(tmp_path: Path) -> None:
    url = f"postgresql://postgres@/x?host={tmp_path}"
    with pytest.raises(DependencyUnavailable):
        async with open_pool(url):
            pass
    with pytest.raises(DependencyUnavailable):
        await migrate(url, tmp_path, "things")


class Opening(ManualClock):
    """A clock on which a server's socket appears during a sleep."""

    def __init__(self, place: Path, server: Path, after: int) -> None:
        super().__init__()
        self._place, self._server, self._left = place, server, after

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        self._left -= 1
        if self._left == 0:
            self._place.symlink_to(self._server)


async def test_migrations_wait_for_a_server_and_say_so(
    postgres: Postgres, database: str, folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = tmp_path / "server"
    url = database.replace(str(postgres.folder), str(place))
    clock = Opening(place, postgres.folder, after=3)
    await migrate(url, folder, "things", patience=60, clock=clock)
    waits = [record for record in caplog.records if record.getMessage() == "waiting for the database"]
    assert [vars(record)["seconds_left"] for record in waits] == [60, 58, 56]
    assert {vars(record)["database"] for record in waits} == {str(place)}
    async with open_pool(database) as pool:
        assert await applied(pool, "things") == 2


async def test_migrations_do_not_wait_for_ever(tmp_path: Path) -> None:
    clock = ManualClock()
    with pytest.raises(DependencyUnavailable, match="absent cannot be reached; waited 60 s"):
        await migrate(f"postgresql://postgres@/x?host={tmp_path}/absent", tmp_path, "things", patience=60, clock=clock)
    assert clock.monotonic() == 60


async def test_a_wrong_statement_is_no_unavailability(database: str) -> None:
    async with open_pool(database) as pool:
        with pytest.raises(Exception, match="nonsense") as caught:
            await pool.execute("SELECT nonsense")
    assert translate(caught.value) is None


async def test_a_deadlock_may_be_retried(database: str) -> None:
    """Two transactions lock two rows in opposite orders: the server ends one of them."""
    async with open_pool(database) as pool:
        await pool.execute("CREATE TABLE things AS SELECT generate_series(1, 2) AS id")
        met = asyncio.Barrier(2)

        async def lock(first: int, second: int) -> None:
            async with pool.acquire() as connection, connection.transaction():
                await connection.execute("SELECT id FROM things WHERE id = $1 FOR UPDATE", first)
                await met.wait()
                await connection.execute("SELECT id FROM things WHERE id = $1 FOR UPDATE", second)

        ended = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    (error,) = (found for found in ended if isinstance(found, Exception))
    assert isinstance(translate(error), DependencyUnavailable)


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    """A server that a test may kill."""
    server = Postgres()
    try:
        yield server
    finally:
        server.close()


async def test_the_pool_outlives_a_crash_of_the_server(own_postgres: Postgres) -> None:
    async with open_pool(own_postgres.url()) as pool:
        check = probe(pool)
        await check()
        own_postgres.stop(signal.SIGKILL)
        with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)) as caught:
            await _until_it_fails(check)
        assert is_unavailable(caught.value), repr(caught.value)
        own_postgres.start()
        async with asyncio.timeout(30):
            while not await _answers(check):
                await asyncio.sleep(0.02)


async def _until_it_fails(check: Callable[[], Awaitable[object]]) -> None:
    """Repeat a check: a backend may answer until it notices the death of its server."""
    while True:
        await check()


async def _answers(check: Callable[[], Awaitable[object]]) -> bool:
    try:
        await check()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        if not is_unavailable(error):
            raise
        return False
    return True


async def test_a_notice_wakes_its_channel_alone(database: str) -> None:
    async with open_pool(database) as pool, listening(database, ["jobs", "other"]) as listener:
        payloads: list[str] = []
        listener.on("jobs", payloads.append)
        async with asyncio.timeout(30):
            await listener.connected.wait()
            listener.event("jobs").clear()
            listener.event("other").clear()
            payloads.clear()
            await pool.execute("SELECT pg_notify('jobs', 'job-1')")
            await listener.event("jobs").wait()
        assert payloads == ["job-1"]
        assert not listener.event("other").is_set()


async def test_a_listener_reconnects_and_wakes_everyone(own_postgres: Postgres) -> None:
    url = own_postgres.url()
    async with listening(url, ["jobs"]) as listener:
        async with asyncio.timeout(30):
            await listener.connected.wait()
            listener.event("jobs").clear()
            own_postgres.stop(signal.SIGKILL)
            while listener.connected.is_set():
                await asyncio.sleep(0.01)
            assert not listener.event("jobs").is_set()
            own_postgres.start()
            await listener.event("jobs").wait()
            assert listener.connected.is_set()


async def test_a_listener_ends_with_its_context(database: str) -> None:
    async with listening(database, ["jobs"]) as listener:
        await listener.connected.wait()
    names = [task.get_name() for task in asyncio.all_tasks()]
    assert "listener" not in names

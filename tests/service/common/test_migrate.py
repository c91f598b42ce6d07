"""What the command `migrate` says of a database that it cannot connect to."""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import certifi
import pytest
from locution_common.errors import DependencyUnavailable
from locution_common.postgres import MigrationFailed, migrate

from tests.support import canaries
from tests.support.clock import ManualClock
from tests.support.postgres import Postgres

COMMAND = """
import sys
from pathlib import Path
from locution_common.migrate import run_migrations
sys.exit(run_migrations([], "locution_things", Path(sys.argv[1]), "things"))
"""
PASSWORD = canaries.secret("owner")


@pytest.fixture
def strict() -> Iterator[Postgres]:
    """A server that asks its users for their passwords."""
    server = Postgres()
    try:
        server.sql(f"CREATE ROLE owner LOGIN PASSWORD '{PASSWORD}'")
        server.stop()
        (server.folder / "data" / "pg_hba.conf").write_text("local all all scram-sha-256\n", encoding="utf-8")
        server.start()
        yield server
    finally:
        server.close()


@asynccontextmanager
async def _speaking_tls(crt: Path, key: Path) -> AsyncIterator[int]:
    """Listen as a Postgres that speaks TLS does, up to the handshake; the embedded Postgres is built without it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(crt, key)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(8)
        writer.write(b"S")
        try:
            await writer.start_tls(context)
        except (ssl.SSLError, ConnectionError):
            writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1") as server:
        yield server.sockets[0].getsockname()[1]


async def test_a_certificate_that_is_not_trusted_is_told_at_once(
    certificate: tuple[Path, Path], tmp_path: Path
) -> None:
    clock = ManualClock()
    async with _speaking_tls(*certificate) as port:
        url = f"postgresql://owner:{PASSWORD}@localhost:{port}/x?sslmode=verify-full&sslrootcert={certifi.where()}"
        with pytest.raises(MigrationFailed, match=rf"localhost:{port}: .*certificate verify failed: self.signed"):
            await migrate(url, tmp_path, "things", patience=60, clock=clock)
    assert clock.monotonic() == 0


@pytest.mark.parametrize(
    ("place", "cause"),
    [("127.0.0.1:1", "Connect call failed ('127.0.0.1', 1)"), ("/no/folder", "No such file or directory")],
)
async def test_the_cause_is_told_while_it_waits_and_when_it_gives_up(
    place: str, cause: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(DependencyUnavailable, match=f"{place} cannot be reached; waited 3 s: ") as caught:
        await migrate(f"postgresql://owner@/x?host={place}", tmp_path, "things", patience=3, clock=ManualClock())
    waits = [vars(record) for record in caplog.records if record.levelno == logging.WARNING]
    assert [wait["seconds_left"] for wait in waits] == [3, 1]
    assert all(cause in told for told in (str(caught.value), *(wait["error"] for wait in waits)))


@pytest.mark.parametrize(
    ("query", "cause"),
    [("", 'password authentication failed for user "owner"'), ("&sslmode=odd", "sslmode")],
    ids=["password", "configuration"],
)
def test_a_refused_connection_is_an_error_without_a_traceback(
    strict: Postgres, tmp_path: Path, query: str, cause: str
) -> None:
    url = strict.url(user=f"owner:{PASSWORD}-mistyped") + query
    done = subprocess.run(
        [sys.executable, "-c", COMMAND, str(tmp_path)],
        env={"PATH": os.environ["PATH"], "LOCUTION_MIGRATION_DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (told,) = done.stderr.splitlines()
    assert told.startswith(f"locution_things migrate: cannot connect to the database at {strict.folder}: ")
    assert cause in told
    assert done.returncode == 1

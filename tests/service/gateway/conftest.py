"""The real api on a real socket, over a real Postgres (as a role that row level security binds) and a real S3."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from typing import Any, cast

import asyncpg
import httpx
import pytest
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from locution_common.channels import open_channel
from locution_common.clock import Clock
from locution_common.interceptors import validation
from locution_common.objects import open_store
from locution_common.postgres import migrate, open_pool
from locution_common.service import Running, serving
from locution_gateway.api import start
from locution_gateway.commands import migrations_folder
from locution_gateway.identity.credentials import passwords
from locution_gateway.jobs.postgres.jobs import PostgresJobs
from locution_gateway.jobs.postgres.state_machine import JobStateMachine
from locution_gateway.jobs.postgres.upload_jobs import PostgresUploadJobs
from locution_gateway.pipeline.postgres import PostgresStages
from locution_gateway.platform.database import TenantDatabase
from locution_gateway.platform.troubled import TroubledRows
from locution_gateway.settings import ApiSettings
from locution_gateway.upkeep.postgres import PostgresUpkeep
from locution_gateway.upkeep.reaper import Reaper
from locution_gateway.uploads.objects import S3Objects
from locution_gateway.uploads.postgres import PostgresUploads
from minio import Minio
from protovalidate import Validator

from tests.service.gateway.client import Client
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.registry import Registry, serving_registry
from tests.support import canaries
from tests.support.postgres import Postgres, postgres
from tests.support.s3 import S3Server, bucket, s3

__all__ = ["bucket", "postgres", "s3"]

KEY = canaries.secret("development-key")
PASSWORD = canaries.secret("database-password")
ROLES = ("locution_api", "locution_worker")


@dataclass
class Gateway:
    """A running api with what a test looks at: `sql` runs as the owner, whom row level security does not bind."""

    running: Running[ApiSettings]
    client: Client
    registry: Registry
    owner: asyncpg.Connection
    store: Minio
    bucket: str

    async def services(self) -> list[str]:
        """Return the full names of the services that reflection tells of."""
        async with open_channel(self.running.address, token=KEY) as channel:
            wanted = reflection_pb2.ServerReflectionRequest(list_services="")
            stub: Any = reflection_pb2_grpc.ServerReflectionStub(cast("Any", channel))
            async for answer in stub.ServerReflectionInfo(iter([wanted])):
                return [service.name for service in answer.list_services_response.service]
        return []

    def keys(self) -> list[str]:
        """Return the keys of all objects."""
        return [found.object_name or "" for found in self.store.list_objects(self.bucket, recursive=True)]

    def multiparts(self) -> int:
        """Return how many multipart uploads are open."""
        return len(self.store._list_multipart_uploads(self.bucket).uploads)


Serve = Callable[..., AbstractAsyncContextManager[Gateway]]


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords() -> Iterator[None]:
    """Hash passwords by the same algorithm at a hundredth of its cost: each start of an api hashes one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "ArgonPasswords", partial(passwords.ArgonPasswords, memory=1024, rounds=1))
        yield


@pytest.fixture(scope="session", autouse=True)
def common_starts() -> Iterator[None]:
    """Give all apis of the process one validator and one TLS context: each start compiles and reads the same."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validation, "Validator", cache(Validator))
        patch.setattr(httpx._transports.default, "create_ssl_context", cache(httpx.create_ssl_context))
        yield


@pytest.fixture
def gateway_database(postgres: Postgres) -> Iterator[str]:
    """The name of a migrated database."""

    async def prepare(url: str) -> None:
        for role in ROLES:
            if not postgres.sql(f"SELECT 1 FROM pg_roles WHERE rolname = '{role}'"):
                postgres.sql(f"CREATE ROLE {role} LOGIN")
        await migrate(url, migrations_folder(), "gateway")

    with postgres.database(template=postgres.template("gateway_api", prepare)) as url:
        yield url


@pytest.fixture
async def serve(gateway_database: str, s3: S3Server, bucket: str) -> Serve:
    """Start an api; several at once are replicas of one installation."""

    @asynccontextmanager
    async def serve_api(**settings: Any) -> AsyncIterator[Gateway]:
        async with serving_registry() as registry:
            values = {
                "listen": "127.0.0.1:0",
                "database_url": gateway_database.replace("postgres@", f"locution_api:{PASSWORD}@"),
                "registry_address": registry.address,
                "development_key": KEY,
                "reflection": True,
                "shutdown_grace": 2,
                "reaper_seconds": 0.2,
                "database_pool_size": 5,
                **s3.settings(bucket).model_dump(),
                **canaries.spans("gateway-api"),
                **settings,
            }
            wanted = ApiSettings(**values)
            owner = await asyncpg.connect(gateway_database)
            try:
                async with (
                    serving(wanted, start, name="gateway-api") as running,
                    open_channel(running.address, token=KEY) as channel,
                ):
                    yield Gateway(running, Client(channel), registry, owner, s3.client, bucket)
            finally:
                await owner.close()

    return serve_api


@pytest.fixture
async def gateway(serve: Serve) -> AsyncIterator[Gateway]:
    async with serve() as running:
        yield running


@pytest.fixture
async def worker(gateway_database: str) -> AsyncIterator[HandWorker]:
    """A worker that does what the test says, as the worker's role."""
    async with open_pool(gateway_database.replace("postgres@", "locution_worker@"), size=2) as pool:
        yield HandWorker(PostgresStages(database := TenantDatabase(pool), timedelta(days=30), TroubledRows(database)))


MakeReaper = Callable[[Clock], Reaper]


@pytest.fixture
async def reaper(gateway_database: str, s3: S3Server, bucket: str) -> AsyncIterator[MakeReaper]:
    """The reaper itself, over the same database and store, with a clock of the test's choice."""
    async with open_pool(gateway_database.replace("postgres@", "locution_api@"), size=2) as pool:
        database = TenantDatabase(pool)
        machine = JobStateMachine(timedelta(days=30))
        async with open_store(s3.settings(bucket)) as store:
            parts = (
                PostgresUpkeep(database),
                PostgresUploads(database, PostgresUploadJobs(machine)),
                PostgresJobs(database, machine),
                S3Objects(store, store),
            )
            yield lambda clock: Reaper(*parts, clock, timedelta(days=7), TroubledRows(database))

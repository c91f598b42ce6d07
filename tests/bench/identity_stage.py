"""What the benches of identity run on: a real Postgres, a real S3, and the api as processes of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import grpc
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1.administration_service_pb2_grpc import AdministrationServiceStub
from locution_common.channels import open_channel
from locution_common.postgres import migrate
from locution_gateway.commands import migrations_folder

from tests.support import processes
from tests.support.postgres import Postgres
from tests.support.s3 import S3Server

OPERATOR = "an-operator-key-of-the-benches"
BUCKET = "bench"


@dataclass(frozen=True)
class Stage:
    """Where the api's database and bucket are."""

    environment: dict[str, str]
    folder: Path

    @contextmanager
    def api(self, module: str = "locution_gateway", **settings: str) -> Iterator[str]:
        """Run an api and give its address."""
        port = processes.free_port()
        address = f"127.0.0.1:{port}"
        given = {f"LOCUTION_{name.upper()}": value for name, value in settings.items()}
        env = {**os.environ, **self.environment, "LOCUTION_LISTEN": address, **given}
        log = self.folder / f"api-{port}.log"
        process = processes.spawn([sys.executable, "-m", module, "api"], log=log, env=env)
        try:
            processes.wait_until(lambda: _answers(address), seconds=60, what=f"api ({log})", alive=[process])
            yield address
        finally:
            processes.kill(process)


@contextmanager
def open_stage() -> Iterator[Stage]:
    """Start Postgres and S3, migrate, and describe both to apis."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="locution-bench-")))
        postgres = Postgres()
        stack.callback(postgres.close)
        s3 = S3Server()
        stack.callback(s3.close)
        s3.client.make_bucket(BUCKET)
        for role in ("locution_api", "locution_worker"):
            postgres.sql(f"CREATE ROLE {role} LOGIN")
        postgres.sql("CREATE DATABASE locution")
        asyncio.run(migrate(postgres.url("locution"), migrations_folder(), "gateway"))
        environment = {
            "LOCUTION_DATABASE_URL": postgres.url("locution", "locution_api"),
            "LOCUTION_S3_ENDPOINT": s3.endpoint,
            "LOCUTION_S3_ACCESS_KEY": s3.access_key,
            "LOCUTION_S3_SECRET_KEY": s3.secret_key,
            "LOCUTION_S3_BUCKET": BUCKET,
            "LOCUTION_S3_SECURE": "false",
            "LOCUTION_REGISTRY_ADDRESS": "127.0.0.1:1",
            "LOCUTION_BOOTSTRAP_KEY": OPERATOR,
            "LOCUTION_LOG_LEVEL": "WARNING",
        }
        yield Stage(environment, folder)


@asynccontextmanager
async def operating(address: str) -> AsyncIterator[AdministrationServiceStub]:
    """Give the operator's stub."""
    async with open_channel(address, token=OPERATOR) as channel:
        yield AdministrationServiceStub(channel)


async def new_tenant(operator: AdministrationServiceStub, name: str) -> str:
    """Make a tenant and return the secret of a member's key."""
    await operator.CreateTenant(administration.CreateTenantRequest(tenant_id=name))
    key = identity.ApiKey(role=identity.ROLE_MEMBER)
    request = administration.CreateTenantApiKeyRequest(parent=f"tenants/{name}", api_key=key)
    return (await operator.CreateTenantApiKey(request)).secret


def _answers(address: str) -> bool:
    with grpc.insecure_channel(address) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=0.2)
        except grpc.FutureTimeoutError:
            return False
    return True

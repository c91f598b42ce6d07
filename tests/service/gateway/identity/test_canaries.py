"""Secrets stay where they are: real processes are given canaries, called well and badly, and all that they say is read."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import pytest
from locution.v1 import account_service_pb2 as accounts
from locution.v1 import administration_service_pb2 as administration
from locution.v1 import identity_pb2 as identity
from locution.v1.account_service_pb2_grpc import AccountServiceStub
from locution.v1.administration_service_pb2_grpc import AdministrationServiceStub
from locution_common.channels import open_channel

from tests.service.gateway.registry import serving_registry
from tests.support import canaries
from tests.support.processes import free_port
from tests.support.s3 import S3Server

OPERATOR = "canary-operator-5b1f0c7d93e24a68"
SESSION = "canary-session-7e2a90c4b8d1436f5021ce"
SERVICE = "canary-service-c61d8f02a7b94e35"
PASSWORD = "canary-password-3f8e1d"
WRONG = "canary-wrong-password-a91c"
DATABASE = "canary-database-40d7e2"
FIXED = (OPERATOR, SESSION, SERVICE, PASSWORD, WRONG, DATABASE)


def environment(database: str, s3: S3Server, bucket: str, role: str, registry: str, port: int) -> dict[str, str]:
    """Return the environment of a process, each of whose secrets is a canary or, for S3, that of the real server."""
    store = s3.settings(bucket)
    settings = {
        "LISTEN": f"127.0.0.1:{port}",
        "LOG_LEVEL": "DEBUG",
        "DATABASE_URL": database.replace("postgres@", f"{role}:{DATABASE}@"),
        "S3_ENDPOINT": store.s3_endpoint,
        "S3_ACCESS_KEY": store.s3_access_key.get_secret_value(),
        "S3_SECRET_KEY": s3.secret_key,
        "S3_BUCKET": bucket,
        "S3_SECURE": "false",
        "REGISTRY_ADDRESS": registry,
        "ASR_ADDRESS": "127.0.0.1:1",
        "DIARIZER_ADDRESS": "127.0.0.1:1",
        "SERVICE_TOKEN": SERVICE,
        "BOOTSTRAP_KEY": OPERATOR,
        "SESSION_KEY": SESSION,
        "SHUTDOWN_GRACE": "1",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("LOCUTION_")}
    return kept | {f"LOCUTION_{name}": value for name, value in settings.items()}


@asynccontextmanager
async def process(name: str, given: Mapping[str, str], log: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a process of the gateway, whose output goes to the log, and end it in good order."""
    with canaries.kept(log).open("ab") as out:
        command = (sys.executable, "-m", "locution_gateway", name)
        made = await asyncio.create_subprocess_exec(*command, env=given, stdout=out, stderr=out)
    try:
        yield made
    finally:
        if made.returncode is None:
            made.send_signal(signal.SIGTERM)
        await asyncio.wait_for(made.wait(), 30)


async def checked(name: str, given: Mapping[str, str]) -> str:
    """Return what --check-settings says."""
    command = (sys.executable, "-m", "locution_gateway", name, "--check-settings")
    pipe = asyncio.subprocess.PIPE
    made = await asyncio.create_subprocess_exec(*command, env=given, stdout=pipe, stderr=pipe)
    out, err = await made.communicate()
    canaries.keep(name, out, err)
    return (out + err).decode()


async def answer(call: Awaitable[object]) -> str:
    """Return all that a refused call says: status, text, details and trailing metadata."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return f"{error.code()} {error.details()} {list(error.trailing_metadata() or ())}"
    raise AssertionError("the call was not refused")


class Talk:
    """Good and bad calls; collects the secrets that they made, and the refusals."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.secrets = list(FIXED)
        self.refusals: list[str] = []

    async def good(self) -> None:
        """Make a key, a user and a session, and use them."""
        async with open_channel(self.address, token=OPERATOR) as channel:
            operator = AdministrationServiceStub(channel)
            key = identity.ApiKey(role=identity.ROLE_ADMIN)
            made = await operator.CreateTenantApiKey(
                administration.CreateTenantApiKeyRequest(parent="tenants/default", api_key=key), wait_for_ready=True
            )
            invitation = administration.Invitation(email="canary@a.example", role=identity.ROLE_MEMBER)
            invited = await operator.CreateInvitation(
                administration.CreateInvitationRequest(parent="tenants/default", invitation=invitation)
            )
        self.secrets += [made.secret, invited.token]
        async with open_channel(self.address, token=made.secret) as channel:
            await AccountServiceStub(channel).GetCaller(accounts.GetCallerRequest())
        async with open_channel(self.address) as channel:
            register = accounts.RegisterRequest(invitation=invited.token, password=PASSWORD)
            session = await AccountServiceStub(channel).Register(register)
            self.secrets += [session.access_token, session.refresh_token]

    async def bad(self) -> None:
        """Show what is wrong, in each place where a secret may stand."""
        async with open_channel(self.address) as channel:
            anybody = AccountServiceStub(channel)
            login = accounts.LoginRequest(tenant="default", email="canary@a.example", password=WRONG)
            self.refusals.append(await answer(anybody.Login(login)))
            register = accounts.RegisterRequest(invitation=self.secrets[-3], email="x@a.example", password=WRONG)
            self.refusals.append(await answer(anybody.Register(register)))
            refresh = accounts.RefreshSessionRequest(refresh_token=f"{WRONG}-refresh")
            self.refusals.append(await answer(anybody.RefreshSession(refresh)))
        for token in (f"loc_{WRONG}", f"{self.secrets[-2]}x", f"{OPERATOR}x"):
            async with open_channel(self.address, token=token) as channel:
                call = AccountServiceStub(channel).GetCaller(accounts.GetCallerRequest())
                self.refusals.append(await answer(call))


@pytest.mark.timeout(120)
async def test_no_secret_is_in_a_log_a_check_or_an_error(
    gateway_database: str, s3: S3Server, bucket: str, tmp_path: Path
) -> None:
    port, log = free_port(), tmp_path / "api.log"
    async with serving_registry() as registry:
        given = environment(gateway_database, s3, bucket, "locution_api", registry.address, port)
        talk = Talk(f"127.0.0.1:{port}")
        async with process("api", given, log):
            async with asyncio.timeout(60):
                await talk.good()
                await talk.bad()
    assert all("UNAUTHENTICATED" in said or "INVITATION" in said for said in talk.refusals), talk.refusals
    heard = log.read_text() + "\n".join(talk.refusals)
    assert "/locution.v1.AccountService/Login" in heard
    assert [secret for secret in [*talk.secrets, s3.secret_key] if secret in heard] == []


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["api", "worker"])
async def test_a_check_and_a_failed_start_name_settings_and_no_values(
    gateway_database: str, s3: S3Server, bucket: str, tmp_path: Path, name: str
) -> None:
    given = environment(gateway_database, s3, bucket, f"locution_{name}", "127.0.0.1:1", free_port())
    good = await checked(name, given)
    assert "the settings are valid" in good
    bad = await checked(name, given | {"LOCUTION_SERVICE_TOKEN": "canary-short", "LOCUTION_LISTEN": "nowhere"})
    assert "LOCUTION_SERVICE_TOKEN" in bad
    unreachable = given | {"LOCUTION_DATABASE_URL": f"postgresql://a:{DATABASE}@127.0.0.1:1/none"}
    log = tmp_path / f"{name}.log"
    async with process(name, unreachable, log) as started:
        try:
            await asyncio.wait_for(started.wait(), 30)
        except TimeoutError:
            started.terminate()
    heard = good + bad + log.read_text()
    assert [secret for secret in (*FIXED, "canary-short", s3.secret_key) if secret in heard] == []

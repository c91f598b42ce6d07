from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from locution_common.channels import open_channel
from locution_common.service import Context, Running, Service, serving
from locution_common.settings import ServiceSettings

from tests.service.common.echo import NAME, Client, Echo
from tests.support import canaries
from tests.support.postgres import Postgres, database, postgres
from tests.support.s3 import S3Server, bucket, s3

TOKEN = canaries.secret("service-token")

__all__ = ["Postgres", "S3Server", "bucket", "database", "postgres", "s3"]


@dataclass(slots=True)
class Stack:
    """A running echo service and a client with its credential."""

    running: Running[ServiceSettings]
    echo: Echo
    client: Client


Serve = Callable[..., AbstractAsyncContextManager[Stack]]


@asynccontextmanager
async def serve_echo(
    *, token: str | None = TOKEN, service: dict[str, Any] | None = None, **settings: Any
) -> AsyncIterator[Stack]:
    echo = Echo()
    values = {"listen": "127.0.0.1:0", "service_token": TOKEN, "shutdown_grace": 5, **settings}

    async def start(stack: AsyncExitStack, context: Context[ServiceSettings]) -> Service:
        return Service(servicers=[echo.add_to], names=[NAME], **(service or {}))

    async with (
        serving(ServiceSettings.model_validate(values), start, name="echo") as running,
        open_channel(running.address, token=token) as channel,
    ):
        yield Stack(running, echo, Client(channel))


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with serve_echo() as stack:
        yield stack


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The certificate of localhost and its key, which no authority signed."""
    folder = tmp_path_factory.mktemp("tls")
    pair = (folder / "tls.crt", folder / "tls.key")
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=DNS:localhost", "-out", str(pair[0]), "-keyout", str(pair[1])]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=60)
    except FileNotFoundError:
        pytest.skip("openssl is not installed, so no certificate can be made")
    return pair

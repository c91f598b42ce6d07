"""A migrated database, a models root and a running registry for each test."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import grpc
import pytest
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution_common.channels import open_channel
from locution_common.postgres import Pool, migrate, open_pool
from locution_common.service import Running, serving
from locution_registry import app
from locution_registry.commands import SCHEMA, migrations_folder
from locution_registry.settings import RegistrySettings

from tests.support import canaries
from tests.support.postgres import Postgres, postgres

TOKEN = canaries.secret("service-token")

__all__ = ["postgres"]


async def prepare(url: str) -> None:
    """Migrate a fresh database."""
    await migrate(url, migrations_folder(), SCHEMA)


@pytest.fixture
def registry_database(postgres: Postgres) -> Iterator[str]:
    """The URL of a database with schema `registry`."""
    with postgres.database(template=postgres.template("registry", prepare)) as url:
        yield url


@pytest.fixture
async def pool(registry_database: str) -> AsyncIterator[Pool]:
    """Connections to it."""
    async with open_pool(registry_database) as pool:
        yield pool


@pytest.fixture
def models(tmp_path: Path) -> Path:
    """An empty models root."""
    root = tmp_path / "models"
    root.mkdir()
    return root


@dataclass
class Stack:
    """A running registry with a client that has its credential."""

    running: Running[RegistrySettings]
    channel: grpc.aio.Channel
    client: RegistryServiceStub


Serve = Callable[..., AbstractAsyncContextManager[Stack]]


@asynccontextmanager
async def serve_registry(url: str, models_root: Path, **settings: Any) -> AsyncIterator[Stack]:
    values = {
        "listen": "127.0.0.1:0",
        "service_token": TOKEN,
        "shutdown_grace": 5,
        "health_interval": 0.1,
        **canaries.spans("registry"),
        **settings,
    }
    wanted = RegistrySettings.model_validate({"database_url": url, "models_root": models_root, **values})
    async with (
        serving(wanted, app.start, name="registry") as running,
        open_channel(running.address, token=TOKEN) as channel,
    ):
        yield Stack(running, channel, RegistryServiceStub(channel))


@pytest.fixture
def serve(registry_database: str, models: Path) -> Serve:
    """Start a registry over the test's database and models root, with any settings."""
    return partial(serve_registry, registry_database, models)


@pytest.fixture
async def stack(serve: Serve) -> AsyncIterator[Stack]:
    """A running registry."""
    async with serve() as running:
        yield running

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from locution.engine.v1.diarizer_service_pb2_grpc import DiarizerServiceStub
from locution_common.channels import open_channel
from locution_common.service import Running, serving
from locution_diarizer import app
from locution_diarizer.settings import DiarizerSettings

from tests.service.diarizer.client import Client
from tests.service.diarizer.recordings import MODEL
from tests.service.diarizer.registry import Registry, serving_registry
from tests.support import canaries
from tests.support.models import FOLDER, model_folder

TOKEN = canaries.secret("service-token")


@dataclass
class Stack:
    """A running diarizer with its registry and a client."""

    running: Running[DiarizerSettings]
    registry: Registry
    client: Client


Serve = Callable[..., AbstractAsyncContextManager[Stack]]


@asynccontextmanager
async def serve_diarizer(*, models_root: Path = FOLDER, name: str = MODEL, **settings: Any) -> AsyncIterator[Stack]:
    values = {
        "listen": "127.0.0.1:0",
        "service_token": TOKEN,
        "shutdown_grace": 5,
        "diarizer_workers": 2,
        **canaries.spans("diarizer"),
        **settings,
    }
    async with serving_registry() as registry:
        registry.add(name, model_folder(name) if models_root == FOLDER else models_root / name)
        wanted = DiarizerSettings(models_root=models_root, registry_address=registry.address, **values)
        async with (
            serving(wanted, app.start, name="diarizer") as running,
            open_channel(running.address, token=TOKEN) as channel,
        ):
            yield Stack(running, registry, Client(DiarizerServiceStub(channel), name))


@pytest.fixture
def serve() -> Serve:
    return serve_diarizer


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared() -> AsyncIterator[Stack]:
    """Serve all tests of the package that are marked with its loop, which leave nothing behind."""
    async with serve_diarizer() as running:
        yield running


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with serve_diarizer() as running:
        yield running

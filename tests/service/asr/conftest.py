from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from locution.engine.v1.asr_service_pb2_grpc import AsrServiceStub
from locution_asr import app
from locution_asr.settings import AsrSettings
from locution_common.channels import open_channel
from locution_common.service import Running, serving

from tests.service.asr.client import Client
from tests.service.asr.registry import Registry, serving_registry
from tests.support import canaries
from tests.support.models import FOLDER, model_folder

TOKEN = canaries.secret("service-token")


@dataclass
class Stack:
    """A running asr service with its registry and a client."""

    running: Running[AsrSettings]
    registry: Registry
    client: Client


Serve = Callable[..., AbstractAsyncContextManager[Stack]]


@asynccontextmanager
async def serve_asr(*, fast: bool = False, models_root: Path = FOLDER, **settings: Any) -> AsyncIterator[Stack]:
    values = {
        "listen": "127.0.0.1:0",
        "service_token": TOKEN,
        "shutdown_grace": 5,
        "asr_workers": 2,
        **canaries.spans("asr"),
        **settings,
    }
    async with serving_registry() as registry:
        for name in ("whisper/tiny.en", "whisper/base"):
            registry.add(name, model_folder(name), fast=fast)  # the digests are those of the true files
        wanted = AsrSettings(models_root=models_root, registry_address=registry.address, **values)
        async with (
            serving(wanted, app.start, name="asr") as running,
            open_channel(running.address, token=TOKEN) as channel,
        ):
            yield Stack(running, registry, Client(AsrServiceStub(channel)))


@pytest.fixture
def serve() -> Serve:
    return serve_asr


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def shared() -> AsyncIterator[Stack]:
    """Serve all tests of the package; for those marked with its loop, which leave nothing behind."""
    async with serve_asr() as running:
        yield running


@pytest.fixture
async def stack() -> AsyncIterator[Stack]:
    async with serve_asr() as running:
        yield running

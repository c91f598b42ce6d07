from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from locution.v1.live_service_pb2_grpc import LiveServiceStub
from locution_common.channels import open_channel

from tests.service.gateway.conftest import KEY, Gateway, Serve, bucket, gateway_database, postgres, s3, serve
from tests.service.gateway.live.fake_engine import FakeEngine, serving_engine
from tests.service.gateway.live.talk import Speaker
from tests.support import canaries

__all__ = ["bucket", "gateway_database", "postgres", "s3", "serve"]


@dataclass
class House:
    """A gateway with a fake engine behind it."""

    gateway: Gateway
    engine: FakeEngine
    speaker: Speaker


ServeLive = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
async def engine() -> AsyncIterator[FakeEngine]:
    async with serving_engine() as serving:
        yield serving


@pytest.fixture
def serve_live(serve: Serve, engine: FakeEngine) -> ServeLive:
    """Start a gateway; several at once are replicas."""

    @asynccontextmanager
    async def start(**settings: Any) -> AsyncIterator[House]:
        values = {"asr_address": engine.address, "service_token": canaries.secret("service-token"), **settings}
        async with (
            serve(**values) as gateway,
            open_channel(gateway.running.address, token=KEY) as channel,
        ):
            yield House(gateway, engine, Speaker(LiveServiceStub(channel)))

    return start


@pytest.fixture
async def house(serve_live: ServeLive) -> AsyncIterator[House]:
    async with serve_live() as serving:
        yield serving

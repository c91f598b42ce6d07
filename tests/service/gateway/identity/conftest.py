"""The real api with tenants, keys of every role, and things that belong to each tenant."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.service.gateway.conftest import (
    Gateway,
    Serve,
    bucket,
    gateway_database,
    postgres,
    s3,
    serve,
    worker,
)
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.identity.world import World, make_world
from tests.support import canaries

__all__ = ["bucket", "gateway_database", "postgres", "s3", "serve", "worker"]

SESSION_KEY = canaries.secret("session-key")


@pytest.fixture
async def api(serve: Serve) -> AsyncIterator[Gateway]:
    """An api that takes passwords."""
    async with serve(session_key=SESSION_KEY) as running:
        yield running


@pytest.fixture
async def world(api: Gateway, worker: HandWorker) -> AsyncIterator[World]:
    """Two tenants with keys of every role and a thing of each kind."""
    async with make_world(api, worker) as made:
        yield made

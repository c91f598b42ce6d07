"""A gateway to talk to, and a client that is connected to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from locution_client import Client, Connection, calls
from locution_client.cli.main import main

from tests.unit.client.fake_gateway import KEY, FakeGateway, serve

Command = Callable[..., Awaitable[int]]


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait milliseconds between attempts, not seconds."""
    monkeypatch.setattr(calls, "FIRST_WAIT", 0.001)


@pytest.fixture
def gateway() -> FakeGateway:
    """Return the gateway, for the test to say how it behaves."""
    return FakeGateway()


@pytest.fixture
async def address(gateway: FakeGateway) -> AsyncIterator[str]:
    """Serve the gateway."""
    server, where = await serve(gateway)
    yield where
    await server.stop(None)


@pytest.fixture
async def client(address: str) -> AsyncIterator[Client]:
    """Connect a client."""
    async with Client(Connection(address, KEY)) as connected:
        yield connected


@pytest.fixture
def command(address: str, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Run the command line in a thread, beside the gateway's event loop."""
    monkeypatch.setenv("LOCUTION_ADDRESS", address)
    monkeypatch.setenv("LOCUTION_API_KEY", KEY)

    async def run(*arguments: str) -> int:
        return await asyncio.to_thread(main, list(arguments))

    return run

"""A gateway to talk to, and a client that is connected to it."""

from __future__ import annotations

import asyncio
import os
import sys
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


async def start(address: str, *arguments: str) -> asyncio.subprocess.Process:
    """Run the command line in a child that an interruption ends, also where a shell in the background ignores them.

    The child sets the signal itself: Python code between fork and exec can hang where gRPC has threads.
    """
    code = (
        "import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "runpy.run_module('locution_client', run_name='__main__')"
    )
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code, *arguments),
        env={**os.environ, "LOCUTION_ADDRESS": address, "LOCUTION_API_KEY": KEY},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

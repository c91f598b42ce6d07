"""A call that its server ends leaves nothing behind in the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest

from tests.service.common.conftest import Stack
from tests.service.common.echo import Request

READERS = "_StreamRequestMixin."


async def without_readers() -> None:
    """Return once no task waits for the requests of a call any more."""
    async with asyncio.timeout(30):
        while any(READERS in task.get_coro().__qualname__ for task in asyncio.all_tasks()):  # type: ignore[union-attr]
            await asyncio.sleep(0)


async def test_a_refused_stream_no_longer_waits_for_what_its_caller_writes(stack: Stack) -> None:
    call: Any = stack.client.bidi_stream()
    await call.write(Request(text="refuse"))
    with pytest.raises(grpc.aio.AioRpcError):
        await call.read()
    await without_readers()


@pytest.mark.parametrize("method", ["bidi_stream", "client_stream"])
async def test_the_requests_of_a_refused_call_are_left(stack: Stack, method: str) -> None:
    left = asyncio.Event()

    async def requests() -> AsyncIterator[Any]:
        try:
            yield Request(text="x" * 21)
            await asyncio.Event().wait()
        finally:
            left.set()

    call: Any = getattr(stack.client, method)(requests())
    assert await call.code() is grpc.StatusCode.INVALID_ARGUMENT
    async with asyncio.timeout(30):
        await left.wait()
    await without_readers()

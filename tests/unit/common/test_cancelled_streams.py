"""A client that breaks a stream off has its handler left at once, within the call.

grpc.aio cancels the handler while a message is on its way out. A generator that waits at its `yield` would never
learn of it, and be closed by the garbage collector once the call's memory is gone: asking for its peer then ended the
process.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest
from locution_common.interceptors.layer import Call, LayeredInterceptor


class SlowContext:
    """A call whose client takes no message."""

    def __init__(self) -> None:
        self.writing = asyncio.Event()

    async def write(self, message: object) -> None:
        self.writing.set()
        await asyncio.Event().wait()


class Left:
    """A layer that notes when a call is left."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        try:
            yield
        finally:
            self.calls.append(call)


async def test_a_stream_that_is_broken_off_is_left_at_once() -> None:
    closed, layer, context = asyncio.Event(), Left(), SlowContext()

    async def answers(request: object, context: object) -> AsyncIterator[str]:
        try:
            yield "first"
        finally:
            closed.set()

    async def continuation(details: object) -> Any:
        return grpc.unary_stream_rpc_method_handler(answers)

    details: Any = type("Details", (), {"method": "/a.B/C"})()
    handler: Any = await LayeredInterceptor([layer]).intercept_service(continuation, details)
    running = asyncio.create_task(handler.unary_stream(None, context))
    await context.writing.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert closed.is_set()
    assert len(layer.calls) == 1

"""The echo service as a process of its own, with its settings from the environment."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

from locution_common import service, settings, telemetry
from pydantic import Field

from tests.service.common.echo import NAME, Client, Echo

_log = logging.getLogger("echo")


class EchoSettings(settings.ServiceSettings):
    """The settings of the echo service."""

    downstream: str = Field("", description="Address of another echo service to ask in turn.", examples=["h:1"])
    mode: str = Field("", description="What the background task does.", examples=["crash"])


class Relay(Echo):
    """An echo that asks another echo for its answers, if there is one."""

    def __init__(self, client: Client | None) -> None:
        super().__init__()
        self._client = client

    async def unary(self, request: Any, context: Any) -> Any:
        if self._client is None:
            return await super().unary(request, context)
        return await self._client.unary(request)

    async def bidi_stream(self, requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
        if self._client is None:
            async for response in super().bidi_stream(requests, context):
                yield response
            return
        async for response in self._client.bidi_stream(requests):
            yield response


async def start(stack: AsyncExitStack, context: service.Context[EchoSettings]) -> service.Service:
    client = None
    if context.settings.downstream:
        client = Client(await stack.enter_async_context(context.channel(context.settings.downstream)))
    stack.callback(_log.info, "the stack closes")

    async def work() -> None:
        match context.settings.mode:
            case "crash":
                raise RuntimeError("the worker broke")
            case "end":
                return
            case "log-secrets":
                _log.info("token=%s", context.settings.service_token.get_secret_value())  # type: ignore[union-attr]
                _log.warning("in a field", extra={"environment": dict(os.environ)})
        await context.stopping.wait()
        with telemetry.tracer.start_as_current_span("last work"):
            await asyncio.sleep(0.05)
        _log.info("the worker finished")

    return service.Service(servicers=[Relay(client).add_to], names=[NAME], tasks={"worker": work})


if __name__ == "__main__":
    service.main(settings.load(EchoSettings, sys.argv[1:], program="echo"), start, name=os.environ.get("NAME", "echo"))

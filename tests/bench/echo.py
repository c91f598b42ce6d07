"""A bare grpc.aio server that echoes: what cancelled streams cost where no code of ours runs.

python -m tests.bench.echo HOST:PORT
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc

SERVICE = "locution.bench.Echo"
METHOD = f"/{SERVICE}/Echo"


async def echo(requests: AsyncIterator[bytes], context: grpc.aio.ServicerContext[Any, Any]) -> AsyncIterator[bytes]:
    """Answer every message with itself, then leave the stream open until its client cancels it."""
    async for request in requests:
        yield request
    await asyncio.Event().wait()


async def serve(address: str) -> None:
    """Serve until the process is ended."""
    server = grpc.aio.server()
    handler: Any = grpc.stream_stream_rpc_method_handler(echo)
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler(SERVICE, {"Echo": handler})])
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))

"""Servers without a model for the stream benches: an engine that answers every chunk at once, and a bare echo."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1.asr_service_pb2_grpc import AsrServiceServicer, add_AsrServiceServicer_to_server
from locution.v1 import live_service_pb2 as live
from locution.v1.live_service_pb2_grpc import LiveServiceServicer, add_LiveServiceServicer_to_server

Context = grpc.aio.ServicerContext[Any, Any]


class InstantEngine(AsrServiceServicer):
    """Answer each chunk with a partial that names its last sample."""

    async def Listen(self, request_iterator: AsyncIterator[pb.ListenRequest], context: Context) -> Any:
        start = (await anext(request_iterator)).start
        yield pb.ListenResponse(started=pb.TranscribeStarted(model=start.options.model))
        end = start.first_sample
        async for request in request_iterator:
            if request.WhichOneof("message") == "audio":
                end = request.audio.start_sample + len(request.audio.pcm) // 2
                partial = pb.ListenPartial(start_sample=0, unstable=str(end), heard_sample=end)
                yield pb.ListenResponse(partial=partial)
                keep = max(0, end - 16000) // 512 * 512
                yield pb.ListenResponse(progress=pb.ListenProgress(done_sample=end, keep_from_sample=keep))
        yield pb.ListenResponse(done=pb.ListenDone(sample_count=end))


class Echo(LiveServiceServicer):
    """Answer each message of a stream, and do nothing else."""

    async def Stream(self, request_iterator: AsyncIterator[live.StreamRequest], context: Context) -> Any:
        async for request in request_iterator:
            if request.WhichOneof("message") == "start":
                yield live.StreamResponse(started=live.StreamStarted(session="echo"))
            elif request.WhichOneof("message") == "audio":
                end = request.audio.offset + len(request.audio.data) // 2
                yield live.StreamResponse(partial=live.StreamPartial(unstable=str(end)))


async def serve(kind: str, address: str) -> None:
    """Serve one of them until the process ends."""
    server = grpc.aio.server()
    if kind == "engine":
        add_AsrServiceServicer_to_server(InstantEngine(), server)  # type: ignore[abstract]  # it only listens
    else:
        add_LiveServiceServicer_to_server(Echo(), server)  # type: ignore[abstract]  # it only streams
    server.add_insecure_port(address)
    await server.start()
    await server.wait_for_termination()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], sys.argv[2]))

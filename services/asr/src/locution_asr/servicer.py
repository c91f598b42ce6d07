"""Serve locution.engine.v1.AsrService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import asr_service_pb2_grpc
from locution_speech import wire

from locution_asr import convert
from locution_asr.core.engine import Engine


class AsrServicer(asr_service_pb2_grpc.AsrServiceServicer):
    """Convert, run the engine, convert."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def Transcribe(
        self, request_iterator: AsyncIterator[pb.TranscribeRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.TranscribeResponse]:
        """Transcribe one section."""
        start = await convert.section_start(request_iterator, asyncio.get_running_loop().time())
        async with aclosing(self._engine.transcribe(start, convert.pcm_chunks(request_iterator))) as events:
            async for event in events:
                yield convert.response(event)

    async def Listen(
        self, request_iterator: AsyncIterator[pb.ListenRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.ListenResponse]:
        """Transcribe one live stream."""
        start = await convert.listen_start(request_iterator, asyncio.get_running_loop().time())
        inputs = convert.inputs(request_iterator, start.first)
        async with aclosing(self._engine.listen(start, inputs)) as events:
            async for event in events:
                yield wire.listen_event_to_proto(event)

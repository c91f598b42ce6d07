"""Serve locution.engine.v1.DiarizerService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
from locution.engine.v1 import diarizer_service_pb2 as pb
from locution.engine.v1 import diarizer_service_pb2_grpc
from locution_speech import requests, wire_speakers

from locution_diarizer import convert
from locution_diarizer.core.engine import Engine

Context = grpc.aio.ServicerContext[Any, Any]


class DiarizerServicer(diarizer_service_pb2_grpc.DiarizerServiceServicer):
    """Convert, run the engine, convert."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def Diarize(
        self, request_iterator: AsyncIterator[pb.DiarizeRequest], context: Context
    ) -> AsyncIterator[pb.DiarizeResponse]:
        """Find the speakers of one section."""
        start = await convert.audio_start(request_iterator, asyncio.get_running_loop().time())
        async with aclosing(self._engine.diarize(start, requests.audio(request_iterator))) as events:
            async for event in events:
                yield convert.response(event)

    async def Cluster(
        self, request_iterator: AsyncIterator[pb.ClusterRequest], context: Context
    ) -> AsyncIterator[pb.ClusterResponse]:
        """Join the speakers of sections."""
        start, hints = await convert.cluster_start(request_iterator, asyncio.get_running_loop().time())
        clustered = await self._engine.cluster(start, hints, convert.section_states(request_iterator))
        for message in wire_speakers.cluster_responses_to_proto(clustered.sections, clustered.centroids):
            yield message

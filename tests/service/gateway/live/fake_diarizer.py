"""A diarizer without a model: who speaks is the sign of the audio's mean, so that a test decides it.

Its clustering is the truth by the same sign, or one speaker for all where `merging` says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from locution.engine.v1 import diarizer_service_pb2 as pb
from locution.engine.v1.diarizer_service_pb2_grpc import (
    DiarizerServiceServicer,
    add_DiarizerServiceServicer_to_server,
)

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class FakeDiarizer(DiarizerServiceServicer):
    """Answer Diarize and Cluster; `heard` counts sections, `hint` is the speaker count that Cluster was given."""

    heard: int = 0
    merging: bool = False
    refusal: grpc.StatusCode | None = None
    hint: int = 0
    address: str = ""

    async def Diarize(
        self, request_iterator: AsyncIterator[pb.DiarizeRequest], context: Context
    ) -> AsyncIterator[pb.DiarizeResponse]:
        if self.refusal is not None:
            await context.abort(self.refusal, "refused")
        start = (await anext(request_iterator)).start
        yield pb.DiarizeResponse(started=pb.DiarizeStarted(model=start.model))
        pcm = b"".join([request.audio.pcm async for request in request_iterator])
        self.heard += 1
        length = len(pcm) // 2
        above = float(np.frombuffer(pcm, "<i2").mean()) > 0
        voice = pb.LocalSpeaker(id=0, embedding=[1.0, 0.0] if above else [0.0, 1.0], speech_sample_count=length)
        turn = pb.LocalTurn(start_sample=0, end_sample=length, speaker_id=0)
        section = pb.SectionSpeakers(sample_count=length, speakers=[voice], turns=[turn], state=b"state")
        yield pb.DiarizeResponse(done=pb.DiarizeDone(section=section))

    async def Cluster(
        self, request_iterator: AsyncIterator[pb.ClusterRequest], context: Context
    ) -> AsyncIterator[pb.ClusterResponse]:
        self.hint = (await anext(request_iterator)).start.speaker_count
        sections = [request.section async for request in request_iterator]
        numbers: dict[float, int] = {}
        for section in sections:
            assert section.state == b"state"
            known = 0 if self.merging else numbers.setdefault(section.speakers[0].embedding[0], len(numbers))
            turn = pb.SpeakerTurn(start_sample=0, end_sample=section.sample_count, speaker=known)
            yield pb.ClusterResponse(turns=[turn])


@asynccontextmanager
async def serving_diarizer() -> AsyncIterator[FakeDiarizer]:
    """Serve a fake diarizer on a free port."""
    diarizer, server = FakeDiarizer(), grpc.aio.server()
    add_DiarizerServiceServicer_to_server(diarizer, server)
    diarizer.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield diarizer
    finally:
        await server.stop(0)

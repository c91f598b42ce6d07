"""Stands for asr and diarizer where a test needs an engine that refuses, dies, hangs or talks nonsense on command."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf import duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status
from locution.engine.v1 import asr_service_pb2 as asr
from locution.engine.v1 import asr_service_pb2_grpc, diarizer_service_pb2_grpc
from locution.engine.v1 import diarizer_service_pb2 as dia

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass
class Behaviour:
    """What the engine does with the next streams, then what it does with all others ("work")."""

    plan: list[str] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    cancelled: int = 0

    def next(self) -> str:
        """Return what to do with a stream: work, busy, die, invalid, hang, silent or early."""
        return self.plan.pop(0) if self.plan else "work"


class FakeAsr(asr_service_pb2_grpc.AsrServiceServicer):
    """Says one word for each section."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def Transcribe(
        self, requests: AsyncIterator[asr.TranscribeRequest], context: Context
    ) -> AsyncIterator[asr.TranscribeResponse]:
        action = self._behaviour.next()
        if action == "busy":
            await refuse(context, code_pb2.RESOURCE_EXHAUSTED, "ENGINE_OVERLOADED", 0.05)
        if action == "invalid":
            await refuse(context, code_pb2.INVALID_ARGUMENT, "OPTION_UNSUPPORTED", None)
        yield asr.TranscribeResponse(started=asr.TranscribeStarted(model="w/b", checksum="c", device="cpu"))
        if action == "unavailable":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "going away")
        samples = await count(requests)
        self._behaviour.received.append(samples)
        if action == "hang":
            await self._hang()
        yield asr.TranscribeResponse(progress=asr.TranscribeProgress(end_sample=samples // 2))
        if action == "die":
            await context.abort(grpc.StatusCode.UNAVAILABLE, "died in the middle")
        if action == "early":
            return
        word = asr.AsrWord(start_sample=0, end_sample=samples, text=" hello", probability=0.9, aligned=True)
        yield asr.TranscribeResponse(
            segment=asr.AsrSegment(start_sample=0, end_sample=samples, text=" hello", words=[word], language="en")
        )
        span = asr.AsrCoverageSpan(start_sample=0, end_sample=samples, outcome=asr.AsrCoverageSpan.OUTCOME_TRANSCRIBED)
        done = asr.TranscribeDone(sample_count=samples, coverage=[span], speech_sample_count=samples)
        done.timings.compute_seconds = 0.25
        yield asr.TranscribeResponse(done=done)

    async def _hang(self) -> None:
        try:
            await self._behaviour.hold.wait()
        except asyncio.CancelledError:
            self._behaviour.cancelled += 1
            raise

    async def Listen(
        self, requests: AsyncIterator[asr.ListenRequest], context: Context
    ) -> AsyncIterator[asr.ListenResponse]:
        async for _ in requests:  # the worker never listens
            yield asr.ListenResponse()


class FakeDiarizer(diarizer_service_pb2_grpc.DiarizerServiceServicer):
    """Hears one speaker all the time."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def Diarize(
        self, requests: AsyncIterator[dia.DiarizeRequest], context: Context
    ) -> AsyncIterator[dia.DiarizeResponse]:
        if self._behaviour.next() == "invalid":
            await refuse(context, code_pb2.INVALID_ARGUMENT, "MODEL_NOT_USABLE", None)
        yield dia.DiarizeResponse(started=dia.DiarizeStarted(model="p/x", checksum="c", device="cpu"))
        samples = await count(requests)
        section = dia.SectionSpeakers(sample_count=samples)
        section.speakers.add(id=0, embedding=[1.0], speech_sample_count=samples)
        section.turns.add(start_sample=0, end_sample=samples, speaker_id=0)
        yield dia.DiarizeResponse(done=dia.DiarizeDone(section=section))

    async def Cluster(
        self, requests: AsyncIterator[dia.ClusterRequest], context: Context
    ) -> AsyncIterator[dia.ClusterResponse]:
        sections = [request.section async for request in requests if request.WhichOneof("message") == "section"]
        centroids = [dia.SpeakerCentroid(speaker=0, embedding=[0.6, 0.8])]
        for place, section in enumerate(sections, 1):
            turn = dia.SpeakerTurn(start_sample=0, end_sample=section.sample_count, speaker=0)
            yield dia.ClusterResponse(turns=[turn], centroids=centroids if place == len(sections) else [])


async def count(requests: AsyncIterator[Any]) -> int:
    """Return how many samples came, and check that they come without a gap."""
    samples = 0
    async for request in requests:
        if request.WhichOneof("message") == "audio":
            assert request.audio.start_sample == samples
            samples += len(request.audio.pcm) // 2
    return samples


async def refuse(context: Context, code: int, reason: str, retry: float | None) -> None:
    """Abort as the real engines do, with ErrorInfo and RetryInfo."""
    status = status_pb2.Status(code=code, message=f"no: {reason}")
    status.details.add().Pack(error_details_pb2.ErrorInfo(domain="locution", reason=reason))
    if retry is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(int(retry * 1000))
        status.details.add().Pack(error_details_pb2.RetryInfo(retry_delay=delay))
    await context.abort_with_status(rpc_status.to_status(status))


@asynccontextmanager
async def serving(speech: Behaviour, speakers: Behaviour) -> AsyncIterator[str]:
    """Serve both engines on a real socket and give the address."""
    server = grpc.aio.server()
    asr_service_pb2_grpc.add_AsrServiceServicer_to_server(FakeAsr(speech), server)
    diarizer_service_pb2_grpc.add_DiarizerServiceServicer_to_server(FakeDiarizer(speakers), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(0)

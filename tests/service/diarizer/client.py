"""Drive DiarizerService the way the worker does."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from locution.engine.v1 import common_pb2
from locution.engine.v1 import diarizer_service_pb2 as pb
from locution.engine.v1.diarizer_service_pb2_grpc import DiarizerServiceStub
from locution_common.interceptors import RemoteFailure, remote_failure

from tests.service.diarizer.recordings import RATE, Pcm


@dataclass
class Heard:
    """What Diarize gave for a section."""

    started: pb.DiarizeStarted = field(default_factory=pb.DiarizeStarted)
    progress: list[int] = field(default_factory=list)
    done: pb.DiarizeDone = field(default_factory=pb.DiarizeDone)

    @property
    def section(self) -> pb.SectionSpeakers:
        return self.done.section


@dataclass
class Joined:
    """What Cluster gave: the turns of each section, and the centroids."""

    sections: list[list[pb.SpeakerTurn]]
    centroids: list[pb.SpeakerCentroid]

    def turns(self, offsets: Iterable[int]) -> list[tuple[int, int, int]]:
        """Place the turns of all sections on the recording's time line."""
        return [
            (turn.start_sample + offset, turn.end_sample + offset, turn.speaker)
            for section, offset in zip(self.sections, offsets, strict=True)
            for turn in section
        ]


def flow(key: str = "flow", *, live: bool = False, share: int = 1) -> common_pb2.Flow:
    work_class = common_pb2.WORK_CLASS_LIVE if live else common_pb2.WORK_CLASS_FILE
    return common_pb2.Flow(key=key, work_class=work_class, share=share)


def audio(pcm: Pcm, *, chunk: int = RATE, offset: int = 0) -> list[common_pb2.AudioChunk]:
    """Cut PCM into chunks."""
    return [
        common_pb2.AudioChunk(start_sample=offset + at, pcm=pcm[at : at + chunk].astype("<i2").tobytes())
        for at in range(0, len(pcm), chunk)
    ]


def cut(pcm: Pcm, parts: int) -> tuple[list[int], list[Pcm]]:
    """Cut a recording into equal sections; give their offsets and audio."""
    edges = np.linspace(0, len(pcm), parts + 1).astype(int).tolist()
    return edges[:-1], [pcm[a:b] for a, b in itertools.pairwise(edges)]


@dataclass
class Client:
    """Call a running service."""

    stub: DiarizerServiceStub
    model: str

    def start(self, **fields: Any) -> pb.DiarizeStart:
        return pb.DiarizeStart(flow=fields.pop("flow", flow()), model=fields.pop("model", self.model))

    def requests(self, pcm: Pcm, **fields: Any) -> list[pb.DiarizeRequest]:
        chunks = [pb.DiarizeRequest(audio=chunk) for chunk in audio(pcm)]
        return [pb.DiarizeRequest(start=self.start(**fields)), *chunks]

    async def diarize(self, pcm: Pcm, **fields: Any) -> Heard:
        return await self.converse(self.requests(pcm, **fields))

    async def converse(self, requests: Sequence[pb.DiarizeRequest]) -> Heard:
        """Send messages, audio only once the engine says `started`, as a polite caller does."""
        heard, admitted = Heard(), asyncio.Event()
        async for response in self.stub.Diarize(_politely(requests, admitted)):
            admitted.set()
            match response.WhichOneof("message"):
                case "started":
                    heard.started = response.started
                case "progress":
                    heard.progress.append(response.progress.end_sample)
                case "done":
                    heard.done = response.done
        return heard

    async def cluster(self, sections: Sequence[pb.SectionSpeakers], **hints: int) -> Joined:
        start = pb.ClusterStart(flow=flow(), model=self.model, **hints)
        requests = [pb.ClusterRequest(start=start), *(pb.ClusterRequest(section=section) for section in sections)]
        answers = [answer async for answer in self.stub.Cluster(each(requests))]
        return Joined([list(answer.turns) for answer in answers], [v for answer in answers for v in answer.centroids])

    async def whole(self, pcm: Pcm, parts: int = 1, **hints: int) -> list[tuple[int, int, int]]:
        """Diarize a recording in so many sections, cluster, and give its turns."""
        offsets, sections = cut(pcm, parts)
        heard = [await self.diarize(section) for section in sections]
        return (await self.cluster([h.section for h in heard], **hints)).turns(offsets)


async def refusal(call: Any) -> RemoteFailure:
    """Await a call that is to be refused and return how."""
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return remote_failure(error)
    raise AssertionError("the call was not refused")


async def each(requests: Iterable[Any]) -> AsyncIterator[Any]:
    for request in requests:
        yield request
        await asyncio.sleep(0)


async def _politely(requests: Sequence[Any], admitted: asyncio.Event) -> AsyncIterator[Any]:
    yield requests[0]
    if len(requests) > 1:
        await admitted.wait()
    async for request in each(requests[1:]):
        yield request

"""Drive AsrService the way the worker does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import common_pb2
from locution.engine.v1.asr_service_pb2_grpc import AsrServiceStub
from locution_common.interceptors import RemoteFailure, remote_failure
from numpy.typing import NDArray

RATE = 16_000

Call = grpc.aio.StreamStreamCall[pb.TranscribeRequest, pb.TranscribeResponse]


@dataclass
class Result:
    """What a section gave."""

    started: pb.TranscribeStarted = field(default_factory=pb.TranscribeStarted)
    segments: list[pb.AsrSegment] = field(default_factory=list)
    progress: list[int] = field(default_factory=list)
    done: pb.TranscribeDone = field(default_factory=pb.TranscribeDone)

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)

    @property
    def words(self) -> list[pb.AsrWord]:
        return [word for segment in self.segments for word in segment.words]

    def add(self, response: pb.TranscribeResponse) -> None:
        match response.WhichOneof("message"):
            case "started":
                self.started = response.started
            case "segment":
                self.segments.append(response.segment)
            case "progress":
                self.progress.append(response.progress.end_sample)
            case "done":
                self.done = response.done


def start(
    model: str = "whisper/tiny.en", *, flow: str = "flow", live: bool = False, **options: Any
) -> pb.TranscribeStart:
    """Build a start message; `options` are its other fields."""
    work_class = common_pb2.WORK_CLASS_LIVE if live else common_pb2.WORK_CLASS_FILE
    options.setdefault("word_times", True)
    return pb.TranscribeStart(flow=common_pb2.Flow(key=flow, work_class=work_class), model=model, **options)


def audio(pcm: NDArray[np.int16], *, chunk: int = RATE, offset: int = 0) -> list[pb.TranscribeRequest]:
    """Cut PCM into messages."""
    return [
        pb.TranscribeRequest(
            audio=common_pb2.AudioChunk(start_sample=offset + at, pcm=pcm[at : at + chunk].astype("<i2").tobytes())
        )
        for at in range(0, len(pcm), chunk)
    ]


@dataclass
class Conversation:
    """Talk message by message."""

    call: Call

    async def say(self, *requests: pb.TranscribeRequest) -> None:
        for request in requests:
            await self.call.write(request)

    async def hear(self) -> pb.TranscribeResponse | None:
        """Return the next message, or None at the end."""
        response = await self.call.read()
        return response if isinstance(response, pb.TranscribeResponse) else None

    async def rest(self, result: Result | None = None) -> Result:
        """Half-close and collect what still comes."""
        await self.call.done_writing()
        result = result or Result()
        while (response := await self.hear()) is not None:
            result.add(response)
        return result

    def leave(self) -> None:
        self.call.cancel()


@dataclass
class Client:
    """Call a running service."""

    stub: AsrServiceStub

    async def transcribe(self, pcm: NDArray[np.int16], wanted: pb.TranscribeStart | None = None) -> Result:
        """Send one section and collect what comes back."""
        return await self.converse([pb.TranscribeRequest(start=wanted or start()), *audio(pcm)])

    async def converse(self, requests: list[pb.TranscribeRequest]) -> Result:
        result = Result()
        async for response in self.stub.Transcribe(_each(requests)):
            result.add(response)
        return result

    async def open(self, wanted: pb.TranscribeStart | None = None) -> Conversation:
        """Open a section and wait until it has started."""
        conversation = Conversation(self.stub.Transcribe())
        await conversation.say(pb.TranscribeRequest(start=wanted or start()))
        first = await conversation.hear()
        assert first is not None
        assert first.WhichOneof("message") == "started"
        return conversation

    async def refusal(self, requests: list[pb.TranscribeRequest]) -> RemoteFailure:
        """Send messages that are to be refused and return how."""
        try:
            await self.converse(requests)
        except grpc.aio.AioRpcError as error:
            return remote_failure(error)
        raise AssertionError("the call was not refused")


async def _each(requests: list[pb.TranscribeRequest]) -> AsyncIterator[pb.TranscribeRequest]:
    for request in requests:
        yield request
        await asyncio.sleep(0)

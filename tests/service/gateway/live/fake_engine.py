"""An engine without a model, for what the gateway alone answers for: it says exactly which samples it heard.

Every second of audio becomes a final "<start>-<end>:<crc32 of its PCM>", every half a partial that is written onto what is
before it. A sample that is lost, doubled or changed shows in the text.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1.asr_service_pb2_grpc import AsrServiceServicer, add_AsrServiceServicer_to_server

SECOND = 16_000
FRAME = 512
WARM_UP = 8 * SECOND


def expected(pcm: np.ndarray[Any, Any]) -> list[str]:
    """Return the finals of a recording of 16 kHz samples."""
    data = pcm.astype("<i2").tobytes()
    ends = [min(at + SECOND, len(pcm)) for at in range(0, len(pcm), SECOND)]
    return [described(at * SECOND, end, data[at * SECOND * 2 : end * 2]) for at, end in enumerate(ends)]


def described(start: int, end: int, pcm: bytes) -> str:
    return f"{start}-{end}:{zlib.crc32(pcm):08x}"


@dataclass
class FakeEngine(AsrServiceServicer):
    """Answer Listen; `calls` are those under way, `starts` what was asked, `updates` what changed.

    With `padding` each final has a further word of so many letters.
    """

    starts: list[pb.ListenStart] = field(default_factory=list)
    updates: list[pb.ListenUpdate] = field(default_factory=list)
    calls: set[asyncio.Task[Any]] = field(default_factory=set)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    refusal: grpc.StatusCode | None = None
    losing: bool = False
    padding: int = 0
    address: str = ""

    async def Listen(
        self, request_iterator: AsyncIterator[pb.ListenRequest], context: grpc.aio.ServicerContext[Any, Any]
    ) -> AsyncIterator[pb.ListenResponse]:
        if self.refusal is not None:
            await context.abort(self.refusal, "refused")
        task = asyncio.current_task()
        assert task is not None
        self.calls.add(task)
        try:
            async for answer in self._listen(request_iterator):
                if self.losing:
                    self.losing = False
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "gone")
                yield answer
        finally:
            self.calls.discard(task)

    async def _listen(self, requests: AsyncIterator[pb.ListenRequest]) -> AsyncIterator[pb.ListenResponse]:
        start = (await anext(requests)).start
        self.starts.append(start)
        assert start.first_sample % FRAME == 0
        yield pb.ListenResponse(
            started=pb.TranscribeStarted(
                model=start.options.model,
                frame_samples=FRAME,
                warm_up_samples=WARM_UP,
                longest_window_samples=29 * SECOND,
            )
        )
        heard, first, done = bytearray(), start.first_sample, max(start.done_sample, start.first_sample)
        async for request in requests:
            await self.gate.wait()
            match request.WhichOneof("message"):
                case "audio":
                    assert request.audio.start_sample == first + len(heard) // 2
                    heard += request.audio.pcm
                case "update":
                    self.updates.append(request.update)
            end = first + len(heard) // 2
            flush = request.WhichOneof("message") == "flush"
            while end - done >= SECOND or (flush and end > done):
                upto = min(done + SECOND, end)
                yield self._final(first, done, upto, heard)
                done = upto
                keep = max(start.first_sample, (done - 3 * SECOND) // FRAME * FRAME, 0)
                yield pb.ListenResponse(progress=pb.ListenProgress(done_sample=done, keep_from_sample=keep))
            partial = pb.ListenPartial(start_sample=done, unstable=f"{end}", heard_sample=end, unstable_joined=True)
            yield pb.ListenResponse(partial=partial)
        end = first + len(heard) // 2
        if end > done:
            yield self._final(first, done, end, heard)
        yield pb.ListenResponse(done=pb.ListenDone(sample_count=end))

    def _final(self, first: int, start: int, end: int, heard: bytearray) -> pb.ListenResponse:
        pcm = bytes(heard[(start - first) * 2 : (end - first) * 2])
        text = described(start, end, pcm) + (f" {'x' * self.padding}" if self.padding else "")
        word = pb.AsrWord(start_sample=start, end_sample=end, text=text)
        return pb.ListenResponse(
            final=pb.ListenFinal(start_sample=start, end_sample=end, text=text, words=[word], language="en")
        )

    def lose(self) -> None:
        """Break the stream off that is answered next."""
        self.losing = True


@asynccontextmanager
async def serving_engine() -> AsyncIterator[FakeEngine]:
    """Serve a fake engine on a free port."""
    engine, server = FakeEngine(), grpc.aio.server()  # type: ignore[abstract]  # it only listens
    engine.gate.set()
    add_AsrServiceServicer_to_server(engine, server)
    engine.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield engine
    finally:
        await server.stop(0)

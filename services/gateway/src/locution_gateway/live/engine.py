"""Streaming speech engines: one bidirectional stream to any replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import grpc
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1.asr_service_pb2_grpc import AsrServiceStub
from locution_common import telemetry
from locution_common.cancellation import cancellable
from locution_common.errors import Reason
from locution_speech import wire
from locution_speech.asr import (
    Flush,
    ListenDone,
    ListenEvent,
    ListenStart,
    ListenUpdate,
    Options,
    SectionStart,
    Started,
)
from locution_speech.engine.models import Flow, ModelName
from locution_speech.languages import AUTO
from locution_speech.pcm import Chunk

from locution_gateway.live.diarizer import live_flow
from locution_gateway.live.models import EngineLostError, ListenFrom, LiveConfig
from locution_gateway.pipeline.engines.exchange import believed, translate
from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.slots import Shares

Call = grpc.aio.StreamStreamCall[pb.ListenRequest, pb.ListenResponse]

STALL_SECONDS: Final = 60.0
"""Seconds for an engine to admit a stream, which may load the model, or to accept a message."""


class GrpcLiveEngine:
    """Speech engines over gRPC; the streams of a tenant share one flow."""

    def __init__(self, channel: grpc.aio.Channel, shares: Shares) -> None:
        self._stub = AsrServiceStub(channel)
        self._shares = shares

    @asynccontextmanager
    async def listen(self, principal: Principal, config: LiveConfig, begin: ListenFrom) -> AsyncIterator[GrpcListening]:
        """Open a stream to any engine. Raises EngineLostError, or the engine's refusal."""
        with telemetry.resumed(begin.trace):
            call: Call = self._stub.Listen()
        listening = GrpcListening(call)
        try:
            flow = live_flow(principal, await self._shares(principal.tenant_id))
            await listening.begin(listen_start(flow, config, begin))
            yield listening
        finally:
            call.cancel()


class GrpcListening:
    """One stream to one engine. Each method may raise EngineLostError."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._abandoned = False
        self._started: Started | None = None

    @property
    def started(self) -> Started:
        """Return the effective configuration of the engine."""
        if self._started is None:
            raise EngineLostError
        return self._started

    def abandon(self) -> None:
        """Abandon the engine: waiting callers get EngineLostError."""
        self._abandoned = True
        self._call.cancel()

    async def begin(self, start: ListenStart) -> None:
        """Send the options and wait until the engine has admitted the stream."""
        await self._write(pb.ListenRequest(start=wire.listen_start_to_proto(start)))
        answer = await self._read()
        if answer is None or answer.WhichOneof("message") != "started":
            raise EngineLostError
        self._started = wire.started_from_proto(answer.started)

    async def send(self, first: int, pcm: bytes) -> None:
        """Send at most one second of PCM that begins at a sample; waits while the engine is behind."""
        await self._write(wire.listen_input_to_proto(Chunk(first, pcm)))

    async def flush(self) -> None:
        """Request the text so far."""
        await self._write(wire.listen_input_to_proto(Flush()))

    async def change(self, change: ListenUpdate) -> None:
        """Change options."""
        await self._write(wire.listen_input_to_proto(change))

    async def finish(self) -> None:
        """Signal the end of the audio."""
        with self._judged():
            await self._call.done_writing()

    async def events(self) -> AsyncIterator[ListenEvent]:
        """Yield the engine's events, ListenDone last."""
        while (answer := await self._read(patient=True)) is not None:
            with believed():
                event = wire.listen_event_from_proto(answer)
            if event is None or isinstance(event, Started):
                continue
            yield event
            if isinstance(event, ListenDone):
                return
        raise EngineLostError

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Convert the error of a call to EngineLostError, or to the engine's refusal."""
        try:
            with cancellable():
                yield
        except grpc.aio.AioRpcError as error:
            raise _refusal(error) from error
        except (TimeoutError, asyncio.InvalidStateError) as error:
            raise EngineLostError from error
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._abandoned and task is not None and not task.cancelling():
                raise EngineLostError from None
            raise

    async def _write(self, request: pb.ListenRequest) -> None:
        with self._judged():
            async with asyncio.timeout(STALL_SECONDS):
                await self._call.write(request)

    async def _read(self, patient: bool = False) -> pb.ListenResponse | None:
        with self._judged():
            async with asyncio.timeout(None if patient else STALL_SECONDS):
                answer = await self._call.read()
            if isinstance(answer, pb.ListenResponse):
                return answer
            code = await self._call.code()
            if code is grpc.StatusCode.OK:
                return None
            raise grpc.aio.AioRpcError(
                code,
                await self._call.initial_metadata(),
                await self._call.trailing_metadata(),
                await self._call.details(),
            )


def _refusal(error: grpc.aio.AioRpcError) -> Exception:
    found = translate(error, False)
    if found.retry_after is not None:
        return EngineLostError(found.retry_after)
    if found.reason is Reason.DEPENDENCY_UNAVAILABLE or error.code() in (
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.INTERNAL,
    ):
        return EngineLostError()
    return found


def listen_start(flow: Flow, config: LiveConfig, begin: ListenFrom) -> ListenStart:
    """Return the options of a live stream."""
    options = Options(
        language=None if config.language == AUTO else config.language, prompt=config.prompt, hotwords=config.hotwords
    )
    return ListenStart(
        section=SectionStart(ModelName(config.asr_model.path), flow, options),
        step=config.step,
        silence=config.silence,
        longest=config.longest,
        partials=config.partials,
        first=begin.first,
        done=begin.done,
        language=begin.language,
    )

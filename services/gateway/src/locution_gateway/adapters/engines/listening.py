"""Engines that listen: one bidirectional stream to any replica."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

import grpc
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import common_pb2
from locution.engine.v1.asr_service_pb2_grpc import AsrServiceStub
from locution_common import telemetry
from locution_common.errors import Reason

from locution_gateway.adapters.engines.exchange import translate
from locution_gateway.domain.identity import Principal
from locution_gateway.domain.live import (
    EngineEvent,
    HeardEnd,
    HeardFinal,
    HeardPartial,
    HeardProgress,
    HeardSpeech,
    ListenFrom,
    LiveChange,
    LiveConfig,
    LiveWord,
)
from locution_gateway.domain.live_errors import EngineLostError

Call = grpc.aio.StreamStreamCall[pb.ListenRequest, pb.ListenResponse]

BEAM: Final = 5
STALL_SECONDS: Final = 60.0
"""Seconds that an engine may take to admit a stream, which loads the model, or to take a message."""


class GrpcLiveEngine:
    """Speech engines over gRPC; a tenant's streams share one flow."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = AsrServiceStub(channel)

    @asynccontextmanager
    async def listen(self, principal: Principal, config: LiveConfig, begin: ListenFrom) -> AsyncIterator[GrpcListening]:
        """Open a stream to any engine."""
        with telemetry.resumed(begin.trace):
            call: Call = self._stub.Listen()
        listening = GrpcListening(call)
        try:
            await listening.begin(_start(principal, config, begin))
            yield listening
        finally:
            call.cancel()


class GrpcListening:
    """One stream to one engine."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._abandoned = False

    def abandon(self) -> None:
        """Give the engine up."""
        self._abandoned = True
        self._call.cancel()

    async def begin(self, start: pb.ListenStart) -> None:
        """Send what is wanted and wait until the engine has admitted it."""
        await self._write(pb.ListenRequest(start=start))
        answer = await self._read()
        if answer is None or answer.WhichOneof("message") != "started":
            raise EngineLostError

    async def send(self, first: int, pcm: bytes) -> None:
        """Send PCM that begins at a sample."""
        await self._write(pb.ListenRequest(audio=common_pb2.AudioChunk(start_sample=first, pcm=pcm)))

    async def flush(self) -> None:
        """Ask for the text so far."""
        await self._write(pb.ListenRequest(flush=pb.ListenFlush()))

    async def change(self, change: LiveChange) -> None:
        """Change what the decoder is asked."""
        update = pb.ListenUpdate(language=change.language, prompt=change.prompt)
        if change.hotwords is not None:
            update.vocabulary.hotwords[:] = change.hotwords
            update.vocabulary.SetInParent()
        await self._write(pb.ListenRequest(update=update))

    async def finish(self) -> None:
        """Say that all audio was sent."""
        with self._judged():
            await self._call.done_writing()

    async def events(self) -> AsyncIterator[EngineEvent]:
        """Yield what the engine tells."""
        while (answer := await self._read(patient=True)) is not None:
            event = event_of(answer)
            if event is not None:
                yield event
            if isinstance(event, HeardEnd):
                return
        raise EngineLostError

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Turn what a call raises into EngineLostError, or into what the engine refuses with."""
        try:
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


def _start(principal: Principal, config: LiveConfig, begin: ListenFrom) -> pb.ListenStart:
    flow = common_pb2.Flow(key=f"live-{principal.tenant_id.hex}", weight=1, work_class=common_pb2.WORK_CLASS_LIVE)
    options = pb.TranscribeStart(
        flow=flow,
        model=config.asr_model.path,
        language=config.language,
        prompt=config.prompt,
        hotwords=config.hotwords,
        beam_size=BEAM,
        word_times=True,
    )
    return pb.ListenStart(
        options=options,
        step_samples=config.step,
        endpoint_samples=config.silence,
        longest_samples=config.longest,
        partials=config.partials,
        first_sample=begin.first,
        done_sample=begin.done,
        heard_language=begin.language or "",
    )


def event_of(answer: pb.ListenResponse) -> EngineEvent | None:
    """Return what a message tells; None for one that tells nothing new."""
    match answer.WhichOneof("message"):
        case "partial":
            return HeardPartial(_words(answer.partial.confirmed), answer.partial.unstable, answer.partial.heard_sample)
        case "final":
            final = answer.final
            return HeardFinal(final.start_sample, final.end_sample, final.text, _words(final.words), final.language)
        case "speech_started":
            return HeardSpeech(answer.speech_started.sample, True)
        case "speech_ended":
            return HeardSpeech(answer.speech_ended.sample, False)
        case "progress":
            return HeardProgress(answer.progress.done_sample, answer.progress.keep_from_sample)
        case "done":
            return HeardEnd(answer.done.sample_count)
        case _:
            return None


def _words(words: object) -> tuple[LiveWord, ...]:
    found: list[pb.AsrWord] = list(words)  # type: ignore[call-overload]  # a repeated field
    return tuple(
        LiveWord(
            word.text.strip(),
            word.start_sample,
            word.end_sample,
            word.probability if word.HasField("probability") else None,
        )
        for word in found
        if word.text.strip()
    )

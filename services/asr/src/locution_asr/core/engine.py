"""Serve sections: admit, lease the model, resolve the options, transcribe."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from locution_speech.asr import DecodeMode, ListenEvent, ListenStart, Options, SectionStart, Started
from locution_speech.engine.admission import Admission
from locution_speech.engine.in_flight import InFlightLimiter
from locution_speech.engine.models import TrafficClass

from locution_asr.core.dispatch import Decoding, KeepRoomForLive
from locution_asr.core.endpointer import Endpointer, EndpointRule
from locution_asr.core.options import as_qualified, choose_mode, settle
from locution_asr.core.recognise import RecogniseWindow
from locution_asr.core.stream import stream
from locution_asr.core.streaming_session import LiveInput, StreamingSession
from locution_asr.core.transcribe import Event, TranscribeSection
from locution_asr.domain.models import PcmChunk
from locution_asr.domain.ports import LoadedModel, ModelStore, Observer, SpeechDetector


@dataclass(frozen=True, slots=True)
class Engine:
    """Transcribe any number of sections at once through one dispatcher; a section has at most `longest` samples."""

    admission: Admission
    models: ModelStore
    dispatcher: Decoding
    sharing: KeepRoomForLive
    limiter: InFlightLimiter
    detector: Callable[[int], SpeechDetector]
    executor: Executor
    rule: EndpointRule
    longest: int
    observer: Observer

    async def transcribe(
        self, start: SectionStart, chunks: AsyncIterator[PcmChunk]
    ) -> AsyncGenerator[Started | Event, None]:
        """Run one section and yield its events: the effective configuration first, the report last."""
        async with aclosing(stream(partial(self._run, start, chunks))) as events:
            async for event in events:
                yield event

    async def listen(
        self, start: ListenStart, inputs: AsyncIterator[LiveInput]
    ) -> AsyncGenerator[Started | ListenEvent, None]:
        """Run one live stream and yield its events: the effective configuration first, the report last."""
        async with aclosing(stream(partial(self._listen, start, inputs))) as events:
            async for event in events:
                yield event

    async def _listen(
        self,
        start: ListenStart,
        inputs: AsyncIterator[LiveInput],
        emit: Callable[[Started | ListenEvent], Awaitable[None]],
    ) -> None:
        with self.admission.admit(), self.sharing.stream():
            async with self.models.lease(start.section.model) as model:
                mode, options = _settled(start.section.options, model)
                settled = replace(start, section=replace(start.section, options=options))
                rule = self.rule.in_mode(mode).ending(start.silence, start.longest)
                await emit(_started(model, mode, options, rule))
                endpointer = self._endpointer(rule, start.first, start.done)
                await StreamingSession(settled, endpointer, self.dispatcher, model, mode, self.observer).run(
                    inputs, emit
                )

    async def _run(
        self,
        start: SectionStart,
        chunks: AsyncIterator[PcmChunk],
        emit: Callable[[Started | Event], Awaitable[None]],
    ) -> None:
        with self.admission.admit():
            async with self.models.lease(start.model) as model:
                mode, options = _settled(start.options, model)
                settled = replace(start, options=options)
                rule = self.rule.in_mode(mode)
                await emit(_started(model, mode, options, rule))
                live = settled.flow.traffic is TrafficClass.LIVE
                endpointer = self._endpointer(rule.apart() if live else rule.doubting())
                recognise = RecogniseWindow(self.dispatcher, model, settled, mode)
                with self.limiter.section(model.batch_size) as allowance:
                    section = TranscribeSection(endpointer, recognise, mode, allowance, self.longest)
                    self.observer.section(await section.run(chunks, emit), settled)

    def _endpointer(self, rule: EndpointRule, first: int = 0, done: int = 0) -> Endpointer:
        return Endpointer(self.detector(first), self.executor, rule, first, done)


def _settled(options: Options, model: LoadedModel) -> tuple[DecodeMode, Options]:
    """Return the effective mode and options of a stream. Refuses with OPTION_UNSUPPORTED."""
    wanted = settle(options, model.recogniser.capabilities)
    return choose_mode(wanted, model.record.fast_qualified), as_qualified(wanted, model.record)


def _started(model: LoadedModel, mode: DecodeMode, options: Options, rule: EndpointRule) -> Started:
    shortest = options.shortest_input if mode is DecodeMode.FAST else None
    return Started(model.record.name, model.record.checksum, model.device, mode, shortest, rule.sizes)

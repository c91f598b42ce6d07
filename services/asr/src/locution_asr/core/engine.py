"""Serve sections: admit, lease the weight, settle the options, transcribe."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

from locution_common.engine.admission import Admission
from locution_common.engine.models import TrafficClass
from locution_common.engine.under_way import UnderWay

from locution_asr.core.dispatch import Decoding, KeepRoomForLive
from locution_asr.core.listen import Listen, LiveEvent, LiveInput, LiveStart
from locution_asr.core.live_ear import LiveEar, LiveRule
from locution_asr.core.options import as_proven, choose_mode, settle
from locution_asr.core.recognise import RecogniseWindow
from locution_asr.core.stream import stream
from locution_asr.core.transcribe import Ear, Event, SectionRule, TranscribeSection
from locution_asr.domain.models import Mode, Options, PcmChunk, SectionStart
from locution_asr.domain.ports import LoadedWeight, Observer, SpeechDetector, WeightStore


@dataclass(frozen=True, slots=True)
class Started:
    """Say what a section runs with; `shortest_input` is the shortest encoder input in samples, None but in FAST."""

    weight: str
    checksum: str
    device: str
    mode: Mode
    shortest_input: int | None


@dataclass(frozen=True, slots=True)
class Engine:
    """Transcribe any number of sections at once through one dispatcher."""

    admission: Admission
    weights: WeightStore
    dispatcher: Decoding
    sharing: KeepRoomForLive
    under_way: UnderWay
    detector: Callable[[], SpeechDetector]
    executor: Executor
    rule: SectionRule
    observer: Observer

    async def transcribe(
        self, start: SectionStart, chunks: AsyncIterator[PcmChunk]
    ) -> AsyncGenerator[Started | Event, None]:
        """Run one section and yield its events: what it runs with first, its report last."""
        async with aclosing(stream(partial(self._run, start, chunks))) as events:
            async for event in events:
                yield event

    async def listen(
        self, start: LiveStart, inputs: AsyncIterator[LiveInput]
    ) -> AsyncGenerator[Started | LiveEvent, None]:
        """Run one live stream and yield its events: what it runs with first, its report last."""
        async with aclosing(stream(partial(self._listen, start, inputs))) as events:
            async for event in events:
                yield event

    async def _listen(
        self,
        start: LiveStart,
        inputs: AsyncIterator[LiveInput],
        emit: Callable[[Started | LiveEvent], Awaitable[None]],
    ) -> None:
        with self.admission.admit(), self.sharing.stream():
            async with self.weights.lease(start.section.weight) as weight:
                mode, options = _settled(start.section.options, weight)
                settled = replace(start, section=replace(start.section, options=options))
                await emit(_started(weight, mode, options))
                cut = self._cut(mode, options, weight)
                rule = LiveRule(cut.speech, cut.window).ending(start.silence, start.longest)
                ear = LiveEar(self.detector(), self.executor, rule, start.first, start.done)
                await Listen(settled, ear, self.dispatcher, weight, mode, self.observer).run(inputs, emit)

    async def _run(
        self,
        start: SectionStart,
        chunks: AsyncIterator[PcmChunk],
        emit: Callable[[Started | Event], Awaitable[None]],
    ) -> None:
        with self.admission.admit():
            async with self.weights.lease(start.weight) as weight:
                mode, options = _settled(start.options, weight)
                settled = replace(start, options=options)
                await emit(_started(weight, mode, options))
                rule = self._cut(mode, options, weight)
                ear = Ear(self.detector(), self.executor, rule, live=settled.traffic is TrafficClass.LIVE)
                recognise = RecogniseWindow(self.dispatcher, weight, settled, mode)
                with self.under_way.section(weight.batch_size) as share:
                    section = TranscribeSection(ear, recognise, mode, share)
                    self.observer.section(await section.run(chunks, emit), settled)

    def _cut(self, mode: Mode, options: Options, weight: LoadedWeight) -> SectionRule:
        """Return how windows are cut: as the mode decodes best, and each in one language where it is detected."""
        rule = self.rule.in_mode(mode)
        detected = options.language is None and weight.recogniser.capabilities.multilingual
        return rule.detecting() if detected else rule


def _settled(options: Options, weight: LoadedWeight) -> tuple[Mode, Options]:
    """Return the mode and the options that a stream runs with; refused with OPTION_UNSUPPORTED."""
    wanted = settle(options, weight.recogniser.capabilities)
    return choose_mode(wanted, weight.record.fast_proven), as_proven(wanted, weight.record)


def _started(weight: LoadedWeight, mode: Mode, options: Options) -> Started:
    shortest = options.shortest_input if mode is Mode.FAST else None
    return Started(weight.record.name, weight.record.checksum, weight.device, mode, shortest)

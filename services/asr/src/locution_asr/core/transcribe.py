"""Transcribe one section: detect speech, cut windows, decode them through the shared queue, report in order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from locution_common.errors import Reason, Refused
from locution_speech.asr import DecodeMode
from locution_speech.clock import seconds
from locution_speech.engine.in_flight import Allowance
from locution_speech.transcript import Outcome, Segment

from locution_asr.core.conclude import Recognised
from locution_asr.core.coverage import partition
from locution_asr.core.endpointer import Endpointer, Heard
from locution_asr.core.recognise import RecogniseWindow
from locution_asr.domain.models import PcmChunk, SectionReport, Window


@dataclass(frozen=True, slots=True)
class Progress:
    """All audio before sample `end` is done."""

    end: int


Event = Segment | Progress | SectionReport
Emit = Callable[[Event], Awaitable[None]]


class TranscribeSection:
    """Runs one section of at most `longest` samples, from its first sample to its report."""

    def __init__(
        self, endpointer: Endpointer, recognise: RecogniseWindow, mode: DecodeMode, allowance: Allowance, longest: int
    ) -> None:
        self._endpointer = endpointer
        self._longest = longest
        self._recognise = recognise
        self._mode = mode
        self._allowance = allowance
        self._order: asyncio.Queue[asyncio.Task[Recognised] | None] = asyncio.Queue()
        self._done: list[Recognised] = []

    async def run(self, chunks: AsyncIterator[PcmChunk], emit: Emit) -> SectionReport:
        """Read all chunks, emit segments in order, progress and the report, and return the report.

        Reading waits while too many windows are in flight, so that flow control reaches the sender. Raises
        INFERENCE_FAILED if the model failed on every window.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(chunks, group))
            await self._speak(emit)
        report = self._report()
        await emit(report)
        return report

    async def _listen(self, chunks: AsyncIterator[PcmChunk], group: asyncio.TaskGroup) -> None:
        endpointer = self._endpointer
        async for chunk in chunks:
            if endpointer.heard + len(chunk.pcm) > self._longest:
                raise Refused(Reason.AUDIO_TOO_LONG, f"a section holds at most {seconds(self._longest):.0f} s of audio")
            await self._start(await endpointer.hear(chunk.pcm), group)
            endpointer.forget(endpointer.heard)
        await self._start(await endpointer.finish(), group)
        self._order.put_nowait(None)

    async def _start(self, found: list[Heard], group: asyncio.TaskGroup) -> None:
        for window in found:
            if isinstance(window, Window):
                await self._allowance.take()
                self._order.put_nowait(group.create_task(self._recognise.run(window)))

    async def _speak(self, emit: Emit) -> None:
        while (task := await self._order.get()) is not None:
            recognised = await task
            self._done.append(recognised)
            for segment in recognised.segments:
                await emit(segment)
            await emit(Progress(recognised.coverage[-1].end))
            self._allowance.give_back()

    def _report(self) -> SectionReport:
        length = self._endpointer.heard
        if self._done and all(_failed(done) for done in self._done):
            raise Refused(Reason.INFERENCE_FAILED, "the model failed on every window of the section")
        return SectionReport(
            length=length,
            speech=sum(done.speech for done in self._done),
            text_speech=sum(done.text_speech for done in self._done),
            mode=self._mode,
            windows=tuple(done.timing for done in self._done),
            coverage=partition(length, (item for done in self._done for item in done.coverage)),
        )


def _failed(done: Recognised) -> bool:
    return all(item.outcome is Outcome.FAILED for item in done.coverage)

"""Transcribe one section: hear speech, cut windows, decode them through the common queue, report in order."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

import numpy as np
from locution_common.engine.under_way import Share
from locution_common.errors import Reason, Refused

from locution_asr.core.coverage import partition
from locution_asr.core.passes import longest_window
from locution_asr.core.recognise import Recognised, RecogniseWindow
from locution_asr.core.speech import FRAME, SpeechRule, SpeechTracker
from locution_asr.core.windows import PcmBuffer, WindowPlanner, WindowRule
from locution_asr.domain.models import (
    Mode,
    Outcome,
    Pcm,
    PcmChunk,
    SectionReport,
    Segment,
    Window,
    samples,
    seconds,
)
from locution_asr.domain.ports import SpeechDetector


@dataclass(frozen=True, slots=True)
class Progress:
    """Say that all audio before sample `end` is done."""

    end: int


Event = Segment | Progress | SectionReport
Emit = Callable[[Event], Awaitable[None]]


LANGUAGE_PAUSE = samples(0.7)
"""Pause behind an utterance's padding, of 0.3 s, at which the language may change."""

LANGUAGE_SPEECH = samples(4.0)
"""Audio that a window needs for its language to be told; a shorter one goes on behind the pause."""


@dataclass(frozen=True, slots=True)
class SectionRule:
    """Set how a section is cut, and its longest length in samples."""

    longest: int = samples(3600.0)
    speech: SpeechRule = field(default_factory=SpeechRule)
    window: WindowRule = field(default_factory=WindowRule)

    def in_mode(self, mode: Mode) -> SectionRule:
        """Return the rule with windows as long as the mode decodes best."""
        return replace(self, window=replace(self.window, longest=longest_window(mode, self.window.longest)))

    def detecting(self) -> SectionRule:
        """Return the rule with windows that end where the language may change: a window has one language."""
        return replace(self, window=replace(self.window, turn=LANGUAGE_PAUSE, sufficient=LANGUAGE_SPEECH))


class Ear:
    """Cut incoming audio into windows. Speech detection runs in `executor`, at most a block at a time."""

    def __init__(self, detector: SpeechDetector, executor: Executor, rule: SectionRule, live: bool) -> None:
        self._detector = detector
        self._executor = executor
        self._rule = rule
        self._live = live
        self._buffer = PcmBuffer()
        self._tracker = SpeechTracker(rule.speech)
        self._planner = WindowPlanner(rule.window, self._buffer)
        self._rest: Pcm = np.empty(0, np.int16)

    @property
    def heard(self) -> int:
        """Count the samples taken so far."""
        return self._buffer.end

    @property
    def held(self) -> int:
        """Count the samples in memory."""
        return self._buffer.held

    async def hear(self, pcm: Pcm) -> list[Window]:
        """Take audio and return the windows that it completes."""
        if self.heard + len(pcm) > self._rule.longest:
            raise Refused(
                Reason.AUDIO_TOO_LONG, f"a section holds at most {seconds(self._rule.longest):.0f} s of audio"
            )
        self._buffer.append(pcm)
        joined = np.concatenate([self._rest, pcm])
        whole = len(joined) - len(joined) % FRAME
        self._rest = joined[whole:]
        windows = await self._judge(joined[:whole]) if whole else []
        self._buffer.drop_before(self._planner.needed_from(self._speech_from()))
        return windows

    async def finish(self) -> list[Window]:
        """Return the windows that remain at the end of the audio."""
        windows = []
        if len(self._rest):
            windows = await self._judge(np.pad(self._rest, (0, FRAME - len(self._rest))))
        for utterance in self._tracker.finish(self.heard):
            windows += self._planner.add(utterance, self.heard)
        return [*windows, *self._planner.flush()]

    async def _judge(self, frames: Pcm) -> list[Window]:
        loop = asyncio.get_running_loop()
        probabilities = await loop.run_in_executor(self._executor, self._detector, frames)
        windows: list[Window] = []
        for utterance in self._tracker.feed(probabilities):
            opened = self._tracker.open_since
            windows += self._planner.add(utterance, self.heard if opened is None else opened)
            if self._live:
                windows += self._planner.flush()
        return [*windows, *self._planner.flush(at=self._speech_from())]

    def _speech_from(self) -> int:
        """Return the earliest sample at which further speech may begin."""
        opened = self._tracker.open_since
        return self._tracker.position if opened is None else opened


class TranscribeSection:
    """Run one section from its first sample to its report."""

    def __init__(self, ear: Ear, recognise: RecogniseWindow, mode: Mode, share: Share) -> None:
        self._ear = ear
        self._recognise = recognise
        self._mode = mode
        self._share = share
        self._order: asyncio.Queue[asyncio.Task[Recognised] | None] = asyncio.Queue()
        self._done: list[Recognised] = []

    async def run(self, chunks: AsyncIterator[PcmChunk], emit: Emit) -> SectionReport:
        """Read chunks to their end, emit segments in order, progress, and the report last, and return it.

        Reading waits while too many windows are under way, so that flow control reaches the sender. Raises
        INFERENCE_FAILED when the model failed on every window.
        """
        async with asyncio.TaskGroup() as group:
            group.create_task(self._listen(chunks, group))
            await self._speak(emit)
        report = self._report()
        await emit(report)
        return report

    async def _listen(self, chunks: AsyncIterator[PcmChunk], group: asyncio.TaskGroup) -> None:
        async for chunk in chunks:
            await self._start(await self._ear.hear(chunk.pcm), group)
        await self._start(await self._ear.finish(), group)
        self._order.put_nowait(None)

    async def _start(self, windows: list[Window], group: asyncio.TaskGroup) -> None:
        for window in windows:
            await self._share.take()
            self._order.put_nowait(group.create_task(self._recognise.run(window)))

    async def _speak(self, emit: Emit) -> None:
        while (task := await self._order.get()) is not None:
            recognised = await task
            self._done.append(recognised)
            for segment in recognised.segments:
                await emit(segment)
            await emit(Progress(recognised.coverage[-1].span.end))
            self._share.give_back()

    def _report(self) -> SectionReport:
        length = self._ear.heard
        if self._done and all(_failed(done) for done in self._done):
            raise Refused(Reason.INFERENCE_FAILED, "the model failed on every window of the section")
        languages: Counter[str] = Counter()
        for segment in (item for done in self._done for item in done.segments):
            languages[segment.language] += segment.span.length
        return SectionReport(
            length=length,
            speech=sum(done.speech for done in self._done),
            text_speech=sum(done.text_speech for done in self._done),
            mode=self._mode,
            windows=tuple(done.timing for done in self._done),
            languages={code: seconds(count) for code, count in languages.items()},
            coverage=partition(length, (item for done in self._done for item in done.coverage)),
        )


def _failed(done: Recognised) -> bool:
    return all(item.outcome is Outcome.FAILED for item in done.coverage)

"""Listen to one live stream: windows decoded as a section's are, and partial text of the window that is open."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace

from locution_asr.core.dispatch import Decoding
from locution_asr.core.live_ear import WARM_UP, Closed, Heard, LiveEar, Opened, aligned
from locution_asr.core.look import LookDecoder, Looks, Partial
from locution_asr.core.options import settle
from locution_asr.core.recognise import Recognised, RecogniseWindow, SectionLanguage
from locution_asr.domain.models import (
    Mode,
    Options,
    PcmChunk,
    SectionReport,
    SectionStart,
    Segment,
    Span,
    Window,
    WindowTiming,
    samples,
)
from locution_asr.domain.ports import LoadedWeight, Observer

WINDOWS_AHEAD = 4
PROGRESS_EVERY = samples(1.0)


@dataclass(frozen=True, slots=True)
class LiveStart:
    """Open a live stream: lengths in samples, `silence` and `longest` 0 for those of sections.

    The audio begins at `first`; all before `done` was done by an earlier stream, which heard `language` first.
    """

    section: SectionStart
    step: int
    silence: int = 0
    longest: int = 0
    partials: bool = True
    first: int = 0
    done: int = 0
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Flush:
    """Ask for the text so far."""


@dataclass(frozen=True, slots=True)
class Update:
    """Change what the decoder is asked; None leaves a field as it is."""

    language: str | None = None
    detect: bool = False
    prompt: str | None = None
    hotwords: tuple[str, ...] | None = None


LiveInput = PcmChunk | Flush | Update


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Speech began at a sample."""

    sample: int


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """Speech ended at a sample."""

    sample: int


@dataclass(frozen=True, slots=True)
class Final:
    """Hold the text of a window; `reason` says why there is none."""

    span: Span
    segments: tuple[Segment, ...]
    language: str
    reason: str


@dataclass(frozen=True, slots=True)
class LiveProgress:
    """Say that all before `done` is done, and from where a stream in place of this one must hear again."""

    done: int
    keep_from: int


@dataclass(frozen=True, slots=True)
class LiveReport:
    """Sum up a stream."""

    length: int
    queue_wait: float
    compute: float
    windows: int
    redone: int


LiveEvent = SpeechStarted | SpeechEnded | Partial | Final | LiveProgress | LiveReport
Emit = Callable[[LiveEvent], Awaitable[None]]


@dataclass(slots=True)
class Totals:
    """Count what the windows took."""

    queue_wait: float = 0.0
    compute: float = 0.0
    windows: int = 0
    redone: int = 0

    def add(self, timing: WindowTiming) -> None:
        """Count a window."""
        self.queue_wait += timing.queue_wait
        self.compute += timing.decode
        self.windows += 1
        self.redone += timing.passes > 1


class Listen:
    """Serve one live stream. Memory is bounded by the longest window and the windows ahead."""

    def __init__(
        self,
        start: LiveStart,
        ear: LiveEar,
        dispatcher: Decoding,
        weight: LoadedWeight,
        mode: Mode,
        observer: Observer,
    ) -> None:
        self._start = start
        self._section = start.section
        self._ear = ear
        self._dispatcher = dispatcher
        self._weight = weight
        self._mode = mode
        self._observer = observer
        self._decoder = LookDecoder(dispatcher, weight, start.section, start.step)
        self._looks = Looks(self._decoder, ear.buffer)
        self._language = SectionLanguage()
        if start.language is not None:
            self._language.heard.set_result({start.language: 1.0})
        self._recognise = self._recogniser()
        self._order: asyncio.Queue[tuple[Window, asyncio.Task[Recognised]] | None] = asyncio.Queue(WINDOWS_AHEAD)
        self._flying = 0
        self._flown_to = 0
        self._wake = asyncio.Event()
        self._closed: list[Span] = []
        self._done = start.done
        self._told = start.done
        self._totals = Totals()

    async def run(self, inputs: AsyncIterator[LiveInput], emit: Emit) -> None:
        """Take inputs to their end and emit what is heard, the report last."""
        async with asyncio.TaskGroup() as group:
            looking = group.create_task(self._keep_looking(emit))
            listening = group.create_task(self._take(inputs, emit, group))
            await self._speak(emit)
            await listening
            looking.cancel()
        totals = self._totals
        length = self._ear.heard
        await emit(LiveReport(length, totals.queue_wait, totals.compute, totals.windows, totals.redone))

    async def _take(self, inputs: AsyncIterator[LiveInput], emit: Emit, group: asyncio.TaskGroup) -> None:
        async for item in inputs:
            match item:
                case PcmChunk():
                    await self._handle(await self._ear.hear(item.pcm), emit, group)
                case Flush():
                    await self._handle(self._ear.end_window(), emit, group)
                case Update():
                    self._change(item)
            await self._progress(emit)
            self._forget()
            self._wake.set()
        await self._handle(await self._ear.finish(), emit, group)
        await self._order.put(None)

    async def _handle(self, found: list[Heard], emit: Emit, group: asyncio.TaskGroup) -> None:
        for event in found:
            match event:
                case Opened():
                    await emit(SpeechStarted(event.sample))
                case Closed():
                    if self._start.partials:
                        self._closed.append(event.span)
                    await emit(SpeechEnded(event.span.end))
                case Window():
                    self._flying += 1
                    self._flown_to = event.span.end
                    await self._order.put((event, group.create_task(self._recognise.run(event))))

    async def _speak(self, emit: Emit) -> None:
        """Emit the windows' texts in order."""
        while (item := await self._order.get()) is not None:
            window, task = item
            recognised = await task
            self._totals.add(recognised.timing)
            self._looks.restart(window.span.end)
            await emit(_final(window, recognised))
            self._observe(window, recognised)
            self._done = max(self._done, window.span.end)
            self._flying -= 1
            await self._tell(emit)
            self._wake.set()

    async def _progress(self, emit: Emit) -> None:
        if not self._flying and self._ear.window_since is None:
            self._done = max(self._done, self._ear.quiet_until)
        if self._done - self._told >= PROGRESS_EVERY:
            await self._tell(emit)

    async def _tell(self, emit: Emit) -> None:
        self._told = self._done
        await emit(LiveProgress(self._done, aligned(max(0, self._done - WARM_UP))))

    def _forget(self) -> None:
        starts = [span.start for span in self._closed]
        since = self._ear.speaking_since
        first = min([*starts, self._ear.heard if since is None else since])
        self._ear.forget(max(first, self._looks.needed_from or 0))

    async def _keep_looking(self, emit: Emit) -> None:
        """Look whenever a step of new audio is there, or an utterance has ended."""
        while self._start.partials:
            await self._wake.wait()
            self._wake.clear()
            if await self._look():
                self._wake.set()
                if not self._flying and (since := self._ear.window_since) is not None:
                    await emit(self._looks.partial(since))

    async def _look(self) -> bool:
        """Look once at what is worth it; tell whether something was seen."""
        if self._closed:
            await self._look_last(self._closed[0])
            del self._closed[0]
            return True
        since, heard = self._ear.speaking_since, self._ear.heard
        if since is None or heard - max(self._looks.seen, since) < self._start.step:
            return False
        return await self._looks.look(since, heard)

    async def _look_last(self, span: Span) -> None:
        """See an utterance to its end, and believe what was seen; a window that has ended is not looked at."""
        if self._flown_to < span.end > self._looks.seen:
            await self._looks.look(span.start, span.end)
        self._looks.settle(span.end)

    def _change(self, update: Update) -> None:
        options = self._section.options
        changed: Options = replace(
            options,
            language=None if update.detect else update.language or options.language,
            prompt=options.prompt if update.prompt is None else update.prompt,
            hotwords=options.hotwords if update.hotwords is None else update.hotwords,
        )
        settled = settle(changed, self._weight.recogniser.capabilities)
        self._section = replace(self._section, options=settled)
        self._decoder.start = self._section
        self._recognise = self._recogniser()

    def _recogniser(self) -> RecogniseWindow:
        return RecogniseWindow(self._dispatcher, self._weight, self._section, self._mode, self._language)

    def _observe(self, window: Window, recognised: Recognised) -> None:
        length = window.span.end - min(self._done, window.span.start)
        report = SectionReport(
            length=length,
            speech=recognised.speech,
            text_speech=recognised.text_speech,
            mode=self._mode,
            windows=(recognised.timing,),
            languages={},
            coverage=recognised.coverage,
        )
        self._observer.section(report, self._section)


def _final(window: Window, recognised: Recognised) -> Final:
    language = recognised.segments[0].language if recognised.segments else ""
    reasons = [item.reason.name for item in recognised.coverage if item.reason]
    return Final(window.span, recognised.segments, language, "" if recognised.segments else next(iter(reasons), ""))

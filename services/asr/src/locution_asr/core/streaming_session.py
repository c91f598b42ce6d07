"""Run one live stream: decode its windows like those of a section, and give interim text of the open window."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace

from locution_speech.asr import (
    DecodeMode,
    Flush,
    ListenDone,
    ListenEvent,
    ListenFinal,
    ListenProgress,
    ListenStart,
    ListenUpdate,
    Options,
    SpeechEvent,
)
from locution_speech.clock import samples
from locution_speech.engine.models import Timings
from locution_speech.languages import AUTO, space
from locution_speech.transcript import Segment, text_of

from locution_asr.core.ahead import DecodeAhead
from locution_asr.core.conclude import Recognised
from locution_asr.core.dispatch import Decoding
from locution_asr.core.endpointer import Ending, Endpointer, Heard, Utterance
from locution_asr.core.interim import InterimDecode, InterimDecoder
from locution_asr.core.language import SectionLanguage
from locution_asr.core.options import settle
from locution_asr.core.recognise import RecogniseWindow
from locution_asr.domain.models import PcmChunk, SectionReport, Window, timings_of
from locution_asr.domain.ports import LoadedModel, Observer

WINDOWS_AHEAD = 4
PROGRESS_EVERY = samples(1.0)


LiveInput = PcmChunk | Flush | ListenUpdate


Emit = Callable[[ListenEvent], Awaitable[None]]


class StreamingSession:
    """Serves one live stream. The longest window and the windows in flight bound its memory."""

    def __init__(
        self,
        start: ListenStart,
        endpointer: Endpointer,
        dispatcher: Decoding,
        model: LoadedModel,
        mode: DecodeMode,
        observer: Observer,
    ) -> None:
        self._start = start
        self._section = start.section
        self._endpointer = endpointer
        self._dispatcher = dispatcher
        self._model = model
        self._mode = mode
        self._observer = observer
        self._decoder = InterimDecoder(dispatcher, model, start.section, start.step)
        self._interim = InterimDecode(self._decoder, endpointer.buffer)
        self._language = SectionLanguage()
        if start.language is not None:
            self._language.heard.set_result({start.language: 1.0})
        self._recognise = self._new_recogniser(self._language)
        self._ahead = DecodeAhead(dispatcher, start.section.flow, self._language, self._decoded_ahead)
        self._order: asyncio.Queue[tuple[Window, asyncio.Task[Recognised]] | None] = asyncio.Queue(WINDOWS_AHEAD)
        self._flying: deque[Window] = deque()
        self._flown_to = 0
        self._wake = asyncio.Event()
        self._closed: deque[Utterance] = deque()
        self._text = asyncio.Lock()
        self._shows = False
        self._heard_ahead = False
        self._done = start.done
        self._told = start.done
        self._timings = Timings()

    async def run(self, inputs: AsyncIterator[LiveInput], emit: Emit) -> None:
        """Read all inputs and emit events, the report last."""
        async with asyncio.TaskGroup() as group:
            interim = group.create_task(self._decode_interim(emit))
            taking = group.create_task(self._take(inputs, emit, group))
            await self._speak(emit)
            await taking
            interim.cancel()
        await emit(ListenDone(self._endpointer.heard, self._timings))

    async def _take(self, inputs: AsyncIterator[LiveInput], emit: Emit, group: asyncio.TaskGroup) -> None:
        async for item in inputs:
            match item:
                case PcmChunk():
                    await self._handle(await self._endpointer.hear(item.pcm), emit, group)
                    self._ahead.follow(self._endpointer.expected(), self._recogniser, group)
                case Flush():
                    await self._handle(self._endpointer.end_window(), emit, group)
                case ListenUpdate():
                    self._change(item)
            await self._progress(emit)
            self._forget()
            self._wake.set()
        await self._handle(await self._endpointer.finish(), emit, group)
        self._ahead.drop()
        await self._order.put(None)

    async def _handle(self, found: list[Heard], emit: Emit, group: asyncio.TaskGroup) -> None:
        for event in found:
            match event:
                case SpeechEvent():
                    await emit(event)
                case Utterance():
                    if self._start.partials:
                        self._closed.append(event)
                    await emit(SpeechEvent(event.end, False))
                case Window():
                    self._flying.append(event)
                    self._flown_to = event.span.end
                    decoding = self._ahead.take(event) or self._recognise.run(event)
                    await self._order.put((event, group.create_task(decoding)))

    async def _speak(self, emit: Emit) -> None:
        """Emit the texts of windows in order."""
        while (item := await self._order.get()) is not None:
            window, task = item
            recognised = await task
            self._timings = timings_of([recognised.timing], self._timings)
            async with self._text:
                await self._replace(window, recognised, emit)
            self._observe(window, recognised)
            self._done = max(self._done, window.span.end)
            await self._tell(emit)
            self._wake.set()

    async def _replace(self, window: Window, recognised: Recognised, emit: Emit) -> None:
        """Emit a final, and again the interim text that it does not cover."""
        await emit(_final(window, recognised))
        self._flying.popleft()
        end = window.span.end
        while self._closed and self._closed[0].end <= end:
            self._interim.settle(self._closed.popleft())
        self._interim.restart(end)
        self._shows = False
        if self._start.partials and self._interim.has_text:
            await self._show(emit)

    async def _show(self, emit: Emit) -> None:
        """Emit the interim text behind the last final."""
        since = self._flying[0].span.start if self._flying else self._endpointer.window_since
        if since is not None or self._shows or self._interim.has_text:
            self._shows = self._interim.has_text
            await emit(self._interim.partial(self._interim.decoded_to if since is None else since))

    async def _progress(self, emit: Emit) -> None:
        if not self._flying and self._endpointer.window_since is None:
            self._done = max(self._done, self._endpointer.quiet_until)
        if self._done - self._told >= PROGRESS_EVERY:
            await self._tell(emit)

    async def _tell(self, emit: Emit) -> None:
        self._told = self._done
        await emit(ListenProgress(self._done, self._endpointer.sizes.begin(self._done)))

    def _forget(self) -> None:
        starts = [span.start for span in self._closed]
        since = self._endpointer.speaking_since
        first = min([*starts, self._endpointer.heard if since is None else since])
        self._endpointer.forget(max(first, self._interim.needed_from or 0))

    async def _decode_interim(self, emit: Emit) -> None:
        """Decode whenever a step of new audio has arrived, or an utterance has ended."""
        while self._start.partials:
            await self._wake.wait()
            self._wake.clear()
            if await self._decode_next():
                self._wake.set()
                async with self._text:
                    await self._show(emit)

    async def _decode_next(self) -> bool:
        """Run one interim decode if there is enough audio; return whether there is other text."""
        if self._ahead.busy:
            return False
        if self._heard_ahead:
            self._heard_ahead = False
            return True
        if self._closed:
            await self._decode_last(self._closed[0])
            return True
        since, heard = self._endpointer.speaking_since, self._endpointer.heard
        if since is None or self._endpointer.pausing or heard - max(self._interim.decoded_to, since) < self._start.step:
            return False
        return await self._interim.run(since, heard)

    async def _decode_last(self, utterance: Utterance) -> None:
        """Decode an utterance to its end and settle it; a window that has ended is not decoded again."""
        spoken = utterance.ending is not Ending.NO_SPEECH
        if spoken and self._flown_to < utterance.end > self._interim.decoded_to:
            await self._interim.run(utterance.start, utterance.end)
        if self._closed and self._closed[0] is utterance:
            self._interim.settle(self._closed.popleft())

    def _decoded_ahead(self, recognised: Recognised) -> None:
        """Take the words of the window that is expected to end as those of an interim decode."""
        words = tuple(word for segment in recognised.segments for word in segment.words)
        if words and self._start.partials:
            self._interim.take(words, recognised.coverage[-1].end)
            self._heard_ahead = True
        self._wake.set()

    def _change(self, update: ListenUpdate) -> None:
        options = self._section.options
        changed: Options = replace(
            options,
            language=_language(update, options),
            prompt=options.prompt if update.prompt is None else update.prompt,
            hotwords=options.hotwords if update.hotwords is None else update.hotwords,
        )
        settled = settle(changed, self._model.recogniser.capabilities)
        self._section = replace(self._section, options=settled)
        self._decoder.start = self._section
        self._ahead.drop()
        self._recognise = self._new_recogniser(self._language)

    def _recogniser(self, language: SectionLanguage) -> RecogniseWindow:
        """Return the stream's recogniser, or one that tells the language elsewhere."""
        return self._recognise if language is self._language else self._new_recogniser(language)

    def _new_recogniser(self, language: SectionLanguage) -> RecogniseWindow:
        return RecogniseWindow(self._dispatcher, self._model, self._section, self._mode, language)

    def _observe(self, window: Window, recognised: Recognised) -> None:
        length = window.span.end - min(self._done, window.span.start)
        report = SectionReport(
            length=length,
            speech=recognised.speech,
            text_speech=recognised.text_speech,
            mode=self._mode,
            windows=(recognised.timing,),
            coverage=recognised.coverage,
        )
        self._observer.section(report, self._section)


def _language(update: ListenUpdate, options: Options) -> str | None:
    if update.language is None:
        return options.language
    return None if update.language == AUTO else update.language


def _final(window: Window, recognised: Recognised) -> ListenFinal:
    span, segments = window.span, recognised.segments
    language = segments[0].language or "" if segments else ""
    reasons = [item.reason for item in recognised.coverage if item.reason]
    return ListenFinal(
        span.start,
        span.end,
        _text(segments, language),
        tuple(word for segment in segments for word in segment.words),
        language,
        "" if segments else next(iter(reasons), ""),
    )


def _text(segments: Sequence[Segment], language: str) -> str:
    """Join segments as written: by their words, which know their spaces, or by the language if one has no words."""
    if all(segment.words for segment in segments):
        return text_of([word for segment in segments for word in segment.words])
    return space(language).join(segment.text for segment in segments)

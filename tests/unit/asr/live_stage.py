"""A live stream on a recogniser that reads what is in the audio: half a second of one amplitude is one word."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from locution_asr.core.decode import decode
from locution_asr.core.dispatch import Decoding
from locution_asr.core.endpointer import Endpointer, EndpointRule
from locution_asr.core.streaming_session import LiveInput, StreamingSession
from locution_asr.domain.models import Pcm, PcmChunk
from locution_asr.domain.ports import Draft, Prompt, Search
from locution_speech.asr import DecodeMode, ListenEvent, ListenFinal, ListenPartial, ListenStart, Options, SectionStart
from locution_speech.clock import samples
from locution_speech.engine.models import Flow, FlowKey, ModelName, TrafficClass
from locution_speech.engine.queue import WindowQueue
from locution_speech.transcript import Word, text_of

from tests.unit.asr.fakes import FakeEncoding, FakeRecogniser, Unobserved, loaded, sound
from tests.unit.asr.test_dispatch import until
from tests.unit.asr.test_endpointer import loud

CHUNK = 1600
STEP = samples(0.5)
LEAST = samples(0.2)
"""A word of which less is heard is not recognised."""


def speech(first: int, words: int) -> Pcm:
    """Return words from number `first` on."""
    return np.repeat(np.arange(first, first + words, dtype=np.int16) * 10 + 1000, samples(0.5))


def silence(seconds: float) -> Pcm:
    return np.zeros(samples(seconds), np.int16)


def heard(pcm: Pcm) -> list[Word]:
    """Return the words that are in the audio, where they are."""
    bounds = [0, *(np.flatnonzero(np.diff(pcm)) + 1).tolist(), len(pcm)]
    spans = [(start, end) for start, end in pairwise(bounds) if end - start >= LEAST]
    return [Word(start, end, f"w{(int(pcm[start]) - 1000) // 10}", 0.9) for start, end in spans if pcm[start]]


class Reading(FakeEncoding):
    """Align words with the audio that they were read from."""

    recogniser: Reader

    def align(
        self, rows: Sequence[int], prompts: Sequence[Prompt], drafts: Sequence[Draft], lengths: Sequence[int]
    ) -> list[list[Word]]:
        return [self.recogniser.read(self.windows[row]) for row in rows]


@dataclass
class Reader(FakeRecogniser):
    """Read words; hold the decodes of windows, not the interim ones, until `windows` is set.

    `spelling` writes words otherwise, each with its leading space.
    """

    windows: threading.Event = field(default_factory=threading.Event)
    decoded: list[str] = field(default_factory=list)
    spelling: dict[str, str] = field(default_factory=dict)
    held: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        self.windows.set()
        self.speak = self._read

    def encode(self, windows: Sequence[Pcm], length: int) -> FakeEncoding:
        super().encode(windows, length)
        return Reading(self, windows)

    def read(self, pcm: Pcm) -> list[Word]:
        written = [(word, self.spelling.get(word.text, f" {word.text}")) for word in heard(pcm)]
        return [replace(word, text=text.strip(), spaced=text.startswith(" ")) for word, text in written]

    def _read(self, pcm: Pcm, prompt: Prompt, search: Search) -> Draft:
        text = text_of(self.read(pcm))
        if search.beam_size > 1:
            self.decoded.append(text)
            self.held = not self.windows.is_set()
            assert self.windows.wait(150), "nobody let the window go"
            self.held = False
        return replace(sound(f" {text}"), tokens=tuple(range(len(heard(pcm)))))


@dataclass
class Stage:
    """A stream under way: what it was sent and what it told."""

    recogniser: Reader
    dispatcher: Decoding
    running: asyncio.Task[None] = field(init=False)
    events: list[ListenEvent] = field(default_factory=list)
    inputs: asyncio.Queue[LiveInput | None] = field(default_factory=asyncio.Queue)
    sent: int = 0
    idle: bool = False

    async def hear(self, *parts: Pcm, others: int = 0) -> None:
        """Send audio, piece by piece, each once what follows from the last is done, beside so many other requests."""
        audio = np.concatenate(parts)
        for at in range(0, len(audio), CHUNK):
            piece = audio[at : at + CHUNK]
            self.inputs.put_nowait(PcmChunk(self.sent, piece))
            self.sent += len(piece)
            await self.rest(others)

    async def rest(self, others: int = 0) -> None:
        """Wait until the stream waits for audio, or for windows that are held."""
        quiet = 0
        while quiet < 5:
            await asyncio.sleep(0.001)
            assert not self.running.done(), self.running
            requests = self.dispatcher.waiting + self.dispatcher.running
            done = self.idle and self.inputs.empty() and requests <= others + self.recogniser.held
            quiet = quiet + 1 if done else 0

    async def finals(self, count: int) -> list[ListenFinal]:
        await until(lambda: len(self._finals) >= count)
        return self._finals

    @property
    def _finals(self) -> list[ListenFinal]:
        return [event for event in self.events if isinstance(event, ListenFinal)]

    @property
    def texts(self) -> list[ListenFinal | ListenPartial]:
        return [event for event in self.events if isinstance(event, ListenFinal | ListenPartial)]

    async def emit(self, event: ListenEvent) -> None:
        self.events.append(event)

    async def read(self) -> AsyncIterator[LiveInput]:
        while True:
            self.idle = True
            item = await self.inputs.get()
            self.idle = False
            if item is None:
                return
            yield item


@asynccontextmanager
async def on_stage(
    rule: EndpointRule, *, partials: bool = True, language: str | None = "en", slots: int = 2
) -> AsyncIterator[Stage]:
    """Open a stream; it is finished at the end of the context."""
    recogniser = Reader()
    flow = Flow(FlowKey("a"), traffic=TrafficClass.LIVE)
    start = ListenStart(SectionStart(ModelName("a/b"), flow, Options(language=language)), STEP, partials=partials)
    with ThreadPoolExecutor(slots) as executor, ThreadPoolExecutor(1) as detecting:
        dispatcher: Decoding = Decoding(WindowQueue(), decode, executor, slots, Unobserved())
        stage = Stage(recogniser, dispatcher)
        endpointer = Endpointer(loud, detecting, rule)
        session = StreamingSession(start, endpointer, dispatcher, loaded(recogniser), DecodeMode.ACCURATE, Unobserved())
        stage.running = running = asyncio.create_task(session.run(stage.read(), stage.emit))
        try:
            async with asyncio.timeout(150):
                yield stage
                stage.inputs.put_nowait(None)
                await running
        finally:
            recogniser.windows.set()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def assert_confirmed_text_stays(texts: Sequence[ListenFinal | ListenPartial]) -> None:
    """Follow what a client shows: finals, and the last partial's confirmed words behind them."""
    shown: list[Word] = []
    for place, event in enumerate(texts):
        if isinstance(event, ListenPartial):
            assert said(event.confirmed)[: len(shown)] == said(shown)
            shown = list(event.confirmed)
            continue
        shown = [word for word in shown if word.start >= event.end]
        if shown:
            following = texts[place + 1]
            assert isinstance(following, ListenPartial)
            assert said(following.confirmed)[: len(shown)] == said(shown)


def said(words: Sequence[Word]) -> list[str]:
    """Return the texts of words."""
    return [word.text for word in words]

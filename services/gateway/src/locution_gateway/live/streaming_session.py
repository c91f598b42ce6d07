"""Stream a session's audio to an engine, and to another one if it is lost: audio is held until it is done."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from locution_common.clock import Clock
from locution_common.errors import DependencyUnavailable
from locution_speech.asr import ListenDone, ListenEvent, ListenFinal, ListenProgress, ListenUpdate, Started
from locution_speech.clock import SAMPLE_RATE, SAMPLE_WIDTH, samples

from locution_gateway.live.engine import GrpcListening, GrpcLiveEngine
from locution_gateway.live.models import EngineLostError, EngineReplaced, ListenFrom, LiveConfig
from locution_gateway.platform.principal import Principal

PIECE: Final = SAMPLE_RATE
MOST_UNDONE: Final = samples(90.0)
"""Limit of the audio held while no final covers it, or WINDOWS of the engine's longest window if that is more."""

WINDOWS: Final = 3

STALL: Final = 60.0
"""Seconds without a message from an engine that was sent audio, after which it counts as lost."""

PATIENCE: Final = 60.0
"""Seconds without any engine after which a stream ends; its session can be resumed."""


class StreamingSession:
    """Feeds engines with a session's audio from sample `begin.first`."""

    def __init__(
        self, engine: GrpcLiveEngine, principal: Principal, config: LiveConfig, begin: ListenFrom, clock: Clock
    ) -> None:
        self._engine = engine
        self._principal = principal
        self._config = config
        self._clock = clock
        self._language = begin.language
        self._trace = begin.trace
        self._first = begin.first
        self._done = begin.done
        self._audio: deque[bytes] = deque()
        self._end = begin.first
        self._sent = begin.first
        self._flushes: deque[int] = deque()
        self._flushed = -1
        self._changes: deque[tuple[int, ListenUpdate]] = deque()
        self._finished = False
        self._events = 0
        self._unanswered = False
        self._most = MOST_UNDONE
        self._changed = asyncio.Condition()

    @property
    def received(self) -> int:
        """Return the sample after the last one received."""
        return self._end

    async def send(self, pcm: bytes) -> None:
        """Add PCM; waits while engines are far behind."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._end - max(self._done, self._first) < self._most)
            for at in range(0, len(pcm), PIECE * SAMPLE_WIDTH):
                piece = pcm[at : at + PIECE * SAMPLE_WIDTH]
                self._audio.append(piece)
                self._end += len(piece) // SAMPLE_WIDTH
            self._changed.notify_all()

    def audio(self, start: int, end: int) -> tuple[int, bytes]:
        """Return the first sample and the PCM of what is still held of [start, end)."""
        at, pieces = self._first, []
        for piece in self._audio:
            size = len(piece) // SAMPLE_WIDTH
            if at < end and at + size > start:
                pieces.append(piece[max(0, start - at) * SAMPLE_WIDTH : (end - at) * SAMPLE_WIDTH])
            at += size
        return max(start, self._first), b"".join(pieces)

    async def flush(self) -> None:
        """Request the text of all audio sent."""
        async with self._changed:
            self._flushes.append(self._end)
            self._changed.notify_all()

    async def change(self, change: ListenUpdate) -> LiveConfig:
        """Change options; return the new effective configuration."""
        async with self._changed:
            self._config = changed(self._config, change)
            self._changes.append((self._end, change))
            self._changed.notify_all()
        return self._config

    async def finish(self) -> None:
        """Signal the end of the audio."""
        async with self._changed:
            self._finished = True
            self._changed.notify_all()

    async def events(self) -> AsyncGenerator[Started | ListenEvent | EngineReplaced]:
        """Yield the engines' events in order, ListenDone last.

        Raises the engine's refusal of the stream, and DependencyUnavailable if no engine is available for too long.
        """
        lost_at: float | None = None
        while True:
            try:
                async with self._engine.listen(self._principal, self._config, self._begin()) as listening:
                    if lost_at is not None:
                        yield EngineReplaced()
                    lost_at = None
                    self._allow(listening.started)
                    yield listening.started
                    async with aclosing(self._conversation(listening)) as events:
                        async for event in events:
                            yield event
                            if isinstance(event, ListenDone):
                                return
            except EngineLostError as lost:
                lost_at = self._clock.monotonic() if lost_at is None else lost_at
                if self._clock.monotonic() - lost_at > PATIENCE:
                    raise DependencyUnavailable("no speech engine can be reached") from lost
                await self._clock.sleep(lost.retry_after)

    def _allow(self, started: Started) -> None:
        if started.sizes is not None:
            self._most = max(MOST_UNDONE, WINDOWS * started.sizes.longest_window)

    def _begin(self) -> ListenFrom:
        """Return where an engine starts, and drop what it will receive anyway."""
        self._sent = self._first
        self._flushed = -1
        self._changes.clear()
        return ListenFrom(self._first, max(self._done, self._first), self._language, self._trace)

    async def _conversation(self, listening: GrpcListening) -> AsyncGenerator[ListenEvent]:
        helpers = [asyncio.create_task(self._send_all(listening)), asyncio.create_task(self._watch(listening))]
        try:
            async for event in listening.events():
                await self._note(event)
                yield event
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _watch(self, listening: GrpcListening) -> None:
        """Abandon an engine that received audio and has been silent for too long."""
        seen, since = self._events, self._clock.monotonic()
        while True:
            await self._clock.sleep(STALL / 10)
            if self._events != seen or not self._unanswered:
                seen, since = self._events, self._clock.monotonic()
            elif self._clock.monotonic() - since > STALL:
                listening.abandon()
                return

    async def _note(self, event: ListenEvent) -> None:
        """Record what need not be sent again."""
        async with self._changed:
            self._events += 1
            self._unanswered = False
            match event:
                case ListenFinal():
                    self._done = max(self._done, event.end)
                    self._language = self._language or event.language or None
                case ListenProgress():
                    self._done = max(self._done, event.done)
                    self._forget(event.keep_from)
            self._changed.notify_all()

    def _forget(self, keep_from: int) -> None:
        while self._audio and self._first + (size := len(self._audio[0]) // SAMPLE_WIDTH) <= keep_from:
            self._audio.popleft()
            self._first += size
        beyond = keep_from - self._first
        if self._audio and beyond > 0:
            self._audio[0] = self._audio[0][beyond * SAMPLE_WIDTH :]
            self._first = keep_from
        while self._flushes and self._flushes[0] <= self._done:
            self._flushes.popleft()

    async def _send_all(self, listening: GrpcListening) -> None:
        """Send present and future audio; the reader notices a lost engine."""
        try:
            while await self._send_next(listening):
                pass
        except EngineLostError:
            return

    async def _send_next(self, listening: GrpcListening) -> bool:
        async with self._changed:
            await self._changed.wait_for(self._something)
            step = self._next()
        match step:
            case ListenUpdate():
                await listening.change(step)
            case bytes():
                first = self._sent
                await listening.send(first, step)
                async with self._changed:
                    self._sent = first + len(step) // SAMPLE_WIDTH
                    self._unanswered = True
                    self._changed.notify_all()
            case "flush":
                await listening.flush()
            case _:
                await listening.finish()
                return False
        return True

    def _something(self) -> bool:
        return bool(self._sent < self._end or self._finished or self._changes or self._due_flush() is not None)

    def _due_flush(self) -> int | None:
        return next((at for at in self._flushes if at == self._sent > self._flushed), None)

    def _next(self) -> bytes | ListenUpdate | str | None:
        if self._changes and self._changes[0][0] <= self._sent:
            return self._changes.popleft()[1]
        if self._due_flush() is not None:
            self._flushed = self._sent
            return "flush"
        if self._sent < self._end:
            return self._piece()
        return None

    def _piece(self) -> bytes:
        at = self._first
        for piece in self._audio:
            size = len(piece) // SAMPLE_WIDTH
            if at + size > self._sent:
                return piece[(self._sent - at) * SAMPLE_WIDTH :]
            at += size
        raise AssertionError("unsent audio must be held")


def changed(config: LiveConfig, change: ListenUpdate) -> LiveConfig:
    """Return a configuration with a change applied."""
    return replace(
        config,
        language=config.language if change.language is None else change.language,
        prompt=config.prompt if change.prompt is None else change.prompt,
        hotwords=config.hotwords if change.hotwords is None else change.hotwords,
    )

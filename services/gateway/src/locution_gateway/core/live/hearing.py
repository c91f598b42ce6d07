"""Have an engine listen, and another one when it is lost: audio is held until it is done, and sent again."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Final

from locution_common.clock import Clock
from locution_common.errors import DependencyUnavailable

from locution_gateway.domain.identity import Principal
from locution_gateway.domain.live import (
    EngineEvent,
    EngineReplaced,
    HeardEnd,
    HeardFinal,
    HeardProgress,
    ListenFrom,
    LiveChange,
    LiveConfig,
)
from locution_gateway.domain.live_errors import EngineLostError
from locution_gateway.domain.live_ports import Listening, LiveEngine

RATE: Final = 16_000
WIDTH: Final = 2
PIECE: Final = RATE
MOST_UNDONE: Final = 90 * RATE
"""Audio that is held because no final is behind it; more than three of the longest windows."""

STALL: Final = 60.0
"""Seconds without a word from an engine that was sent audio, after which it counts as lost."""

PATIENCE: Final = 60.0
"""Seconds without any engine after which a stream ends; its session can be resumed."""


class Hearing:
    """Feed engines with a session's audio from sample `begin.first` on."""

    def __init__(
        self, engine: LiveEngine, principal: Principal, config: LiveConfig, begin: ListenFrom, clock: Clock
    ) -> None:
        self._engine = engine
        self._principal = principal
        self._config = config
        self._clock = clock
        self._language = begin.language
        self._trace = begin.trace
        self._first = begin.first
        self._done = begin.done
        self._keep_from = begin.first
        self._audio: deque[bytes] = deque()
        self._end = begin.first
        self._sent = begin.first
        self._flushes: deque[int] = deque()
        self._flushed = -1
        self._changes: deque[tuple[int, LiveChange]] = deque()
        self._finished = False
        self._events = 0
        self._unanswered = False
        self._changed = asyncio.Condition()

    @property
    def received(self) -> int:
        """Return the sample behind the last one received."""
        return self._end

    async def send(self, pcm: bytes) -> None:
        """Take PCM; waits while engines are far behind."""
        async with self._changed:
            await self._changed.wait_for(lambda: self._end - max(self._done, self._first) < MOST_UNDONE)
            for at in range(0, len(pcm), PIECE * WIDTH):
                piece = pcm[at : at + PIECE * WIDTH]
                self._audio.append(piece)
                self._end += len(piece) // WIDTH
            self._changed.notify_all()

    def audio(self, start: int, end: int) -> tuple[int, bytes]:
        """Return the first sample and the PCM of what is still held of [start, end)."""
        at, pieces = self._first, []
        for piece in self._audio:
            size = len(piece) // WIDTH
            if at < end and at + size > start:
                pieces.append(piece[max(0, start - at) * WIDTH : (end - at) * WIDTH])
            at += size
        return max(start, self._first), b"".join(pieces)

    async def flush(self) -> None:
        """Ask for the text of all that was sent."""
        async with self._changed:
            self._flushes.append(self._end)
            self._changed.notify_all()

    async def change(self, change: LiveChange) -> LiveConfig:
        """Change what the decoder is asked; return what the session runs with now."""
        async with self._changed:
            self._config = changed(self._config, change)
            self._changes.append((self._end, change))
            self._changed.notify_all()
        return self._config

    async def finish(self) -> None:
        """Say that all audio was sent."""
        async with self._changed:
            self._finished = True
            self._changed.notify_all()

    async def events(self) -> AsyncGenerator[EngineEvent | EngineReplaced]:
        """Yield what engines hear, in order, HeardEnd last.

        Raises what an engine refuses the stream with, and DependencyUnavailable when there is no engine for too long.
        """
        lost_at: float | None = None
        while True:
            try:
                async with self._engine.listen(self._principal, self._config, self._begin()) as listening:
                    if lost_at is not None:
                        yield EngineReplaced()
                    lost_at = None
                    async with aclosing(self._conversation(listening)) as events:
                        async for event in events:
                            yield event
                            if isinstance(event, HeardEnd):
                                return
            except EngineLostError as lost:
                lost_at = self._clock.monotonic() if lost_at is None else lost_at
                if self._clock.monotonic() - lost_at > PATIENCE:
                    raise DependencyUnavailable("no speech engine can be reached") from lost
                await self._clock.sleep(lost.retry_after)

    def _begin(self) -> ListenFrom:
        """Return where an engine begins, and forget what it is told anyway."""
        self._sent = self._first
        self._flushed = -1
        self._changes.clear()
        return ListenFrom(self._first, max(self._done, self._first), self._language, self._trace)

    async def _conversation(self, listening: Listening) -> AsyncGenerator[EngineEvent]:
        helpers = [asyncio.create_task(self._send_all(listening)), asyncio.create_task(self._watch(listening))]
        try:
            async for event in listening.events():
                await self._note(event)
                yield event
        finally:
            for helper in helpers:
                helper.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)

    async def _watch(self, listening: Listening) -> None:
        """Give up an engine that was sent audio and says nothing for too long."""
        seen, since = self._events, self._clock.monotonic()
        while True:
            await self._clock.sleep(STALL / 10)
            if self._events != seen or not self._unanswered:
                seen, since = self._events, self._clock.monotonic()
            elif self._clock.monotonic() - since > STALL:
                listening.abandon()
                return

    async def _note(self, event: EngineEvent) -> None:
        """Remember what need not be heard again."""
        async with self._changed:
            self._events += 1
            self._unanswered = False
            match event:
                case HeardFinal():
                    self._done = max(self._done, event.end)
                    self._language = self._language or event.language or None
                case HeardProgress():
                    self._done = max(self._done, event.done)
                    self._forget(event.keep_from)
            self._changed.notify_all()

    def _forget(self, keep_from: int) -> None:
        while self._audio and self._first + (size := len(self._audio[0]) // WIDTH) <= keep_from:
            self._audio.popleft()
            self._first += size
        beyond = keep_from - self._first
        if self._audio and beyond > 0:
            self._audio[0] = self._audio[0][beyond * WIDTH :]
            self._first = keep_from
        while self._flushes and self._flushes[0] <= self._done:
            self._flushes.popleft()

    async def _send_all(self, listening: Listening) -> None:
        """Send what is there and what comes; a lost engine is noticed by the reader."""
        try:
            while await self._send_next(listening):
                pass
        except EngineLostError:
            return

    async def _send_next(self, listening: Listening) -> bool:
        async with self._changed:
            await self._changed.wait_for(self._something)
            step = self._next()
        match step:
            case LiveChange():
                await listening.change(step)
            case bytes():
                first = self._sent
                await listening.send(first, step)
                async with self._changed:
                    self._sent = first + len(step) // WIDTH
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

    def _next(self) -> bytes | LiveChange | str | None:
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
            size = len(piece) // WIDTH
            if at + size > self._sent:
                return piece[(self._sent - at) * WIDTH :]
            at += size
        raise AssertionError("what is not sent is held")


def changed(config: LiveConfig, change: LiveChange) -> LiveConfig:
    """Return a configuration with a change made."""
    return replace(
        config,
        language=config.language if change.language is None else change.language,
        prompt=config.prompt if change.prompt is None else change.prompt,
        hotwords=config.hotwords if change.hotwords is None else change.hotwords,
    )

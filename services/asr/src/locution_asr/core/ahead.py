"""Decode a window in the pause that will end it, so that its text is ready when the pause is long enough."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from locution_speech.engine.models import Flow

from locution_asr.core.conclude import Recognised
from locution_asr.core.dispatch import Decoding
from locution_asr.core.language import SectionLanguage
from locution_asr.core.recognise import RecogniseWindow
from locution_asr.domain.models import Window

Recogniser = Callable[[SectionLanguage], RecogniseWindow]


@dataclass(frozen=True, slots=True, eq=False)
class Guess:
    """A window that may end as it is, its decode, and the language that the decode tells."""

    window: Window
    language: SectionLanguage
    task: asyncio.Task[Recognised]

    def fits(self, window: Window | None) -> bool:
        """Tell whether the window is this one: the same audio in the same place."""
        return window is not None and (window.index, window.pieces) == (self.window.index, self.window.pieces)


class DecodeAhead:
    """Decodes at most one window ahead: where a batch can start at once, and while no decode of its flow runs.

    A decode ahead is dropped when speech goes on. Its language counts only once its window has ended.
    """

    def __init__(
        self, dispatcher: Decoding, flow: Flow, language: SectionLanguage, heard: Callable[[Recognised], None]
    ) -> None:
        self._dispatcher = dispatcher
        self._flow = flow
        self._language = language
        self._heard = heard
        self._guess: Guess | None = None

    @property
    def busy(self) -> bool:
        """Tell whether a decode ahead is under way."""
        return self._guess is not None and not self._guess.task.done()

    def follow(self, window: Window | None, recogniser: Recogniser, group: asyncio.TaskGroup) -> None:
        """Decode the window that is expected, unless that is under way; drop the decode of another one."""
        if self._guess is not None and not self._guess.fits(window):
            self.drop()
        if window is not None and self._guess is None and self._has_room():
            language = self._language if window.index or self._language.heard.done() else SectionLanguage()
            task = group.create_task(self._decode(recogniser(language).run(window)))
            self._guess = Guess(window, language, task)

    def take(self, window: Window) -> Coroutine[Any, Any, Recognised] | None:
        """Return the result of a window that has ended, if it was decoded ahead."""
        guess = self._guess
        if guess is None or not guess.fits(window):
            self.drop()
            return None
        self._guess = None
        return self._told(guess)

    def drop(self) -> None:
        """Drop the decode ahead."""
        if self._guess is not None:
            self._guess.task.cancel()
            self._guess = None

    def _has_room(self) -> bool:
        idle = self._dispatcher.free > 0 and not self._dispatcher.waiting
        return idle and not self._dispatcher.computes(self._flow)

    async def _decode(self, run: Awaitable[Recognised]) -> Recognised:
        recognised = await run
        self._heard(recognised)
        return recognised

    async def _told(self, guess: Guess) -> Recognised:
        recognised = await guess.task
        if guess.language is not self._language and guess.language.heard.done():
            self._language.tell(guess.window, guess.language.heard.result())
        return recognised

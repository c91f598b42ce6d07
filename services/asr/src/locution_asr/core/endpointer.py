"""Detect where speech begins and ends, and cut it at pauses into windows, for files and live streams."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

import numpy as np
from locution_speech.asr import DecodeMode, EngineSizes, SpeechEvent
from locution_speech.clock import Span, samples

from locution_asr.core.attempts import longest_window
from locution_asr.core.speech import SpeechRule, SpeechTracker
from locution_asr.core.windows import PcmBuffer, WindowPlanner, WindowRule
from locution_asr.domain.models import FRAME, Pcm, Window
from locution_asr.domain.ports import SpeechDetector

WARM_UP = samples(8.0)
"""Audio that restores the detector's state before a resume point."""

LANGUAGE_PAUSE = samples(0.7)
"""Pause after an utterance, beyond its padding of 0.3 s, at which the language may change."""

LANGUAGE_SPEECH = samples(4.0)
"""Shortest window whose language can be detected; a shorter one continues after the pause."""


@dataclass(frozen=True, slots=True)
class Utterance(Span):
    """An utterance that has ended, with the padding of its window."""


Heard = SpeechEvent | Utterance | Window


@dataclass(frozen=True, slots=True)
class EndpointRule:
    """Where utterances and windows end; lengths in samples."""

    speech: SpeechRule = field(default_factory=SpeechRule)
    window: WindowRule = field(default_factory=WindowRule)

    @property
    def sizes(self) -> EngineSizes:
        """Return the sizes that callers need."""
        return EngineSizes(FRAME, WARM_UP, self.window.longest)

    def in_mode(self, mode: DecodeMode) -> EndpointRule:
        """Return the rule with the best window length for the mode."""
        return self._with_windows(longest=longest_window(mode, self.window.longest))

    def detecting(self) -> EndpointRule:
        """Return the rule whose windows end where the language may change: each window has one language."""
        return self._with_windows(turn=LANGUAGE_PAUSE, sufficient=LANGUAGE_SPEECH)

    def apart(self) -> EndpointRule:
        """Return the rule with one window per utterance, closed at once."""
        return self._with_windows(pause=-1, turn=-1)

    def ending(self, silence: int, longest: int) -> EndpointRule:
        """Return the rule whose windows end after `silence` or `longest` samples; 0 keeps the default."""
        pause = max(1, silence - self.window.padding) if silence else self.window.pause
        turn = pause if silence else self.window.turn
        whole = min(longest, self.window.longest) if longest else self.window.longest
        utterance = min(self.speech.longest, whole - 2 * self.window.padding) if longest else self.speech.longest
        cut = self._with_windows(pause=pause, turn=turn, longest=whole)
        return replace(cut, speech=replace(self.speech, longest=utterance))

    def _with_windows(self, **lengths: int) -> EndpointRule:
        return replace(self, window=replace(self.window, **lengths))


class Endpointer:
    """Cut audio that begins at `first` into windows; audio before `done` only restores the detector's state.

    Speech detection runs in `executor`, at most a block at a time.
    """

    def __init__(
        self, detector: SpeechDetector, executor: Executor, rule: EndpointRule, first: int = 0, done: int = 0
    ) -> None:
        self._detector = detector
        self._executor = executor
        self._rule = rule
        self.sizes = rule.sizes
        self.buffer = PcmBuffer(first)
        self._tracker = SpeechTracker(rule.speech, max(first, self.sizes.aligned(done)))
        self._planner = WindowPlanner(rule.window, self.buffer, done)
        self._rest: Pcm = np.empty(0, np.int16)
        self._announced: int | None = None
        self._judged = first
        self._done = done

    @property
    def heard(self) -> int:
        """Return the sample after the last one received."""
        return self.buffer.end

    @property
    def speaking_since(self) -> int | None:
        """Return the start of the open utterance, including its padding."""
        opened = self._tracker.open_since
        return None if opened is None else max(self._done, opened - self._rule.window.padding)

    @property
    def window_since(self) -> int | None:
        """Return the start of the open window, or None in silence."""
        pending = self._planner.pending_start
        return self.speaking_since if pending is None else pending

    @property
    def quiet_until(self) -> int:
        """Return the earliest start of the next window when none is open."""
        return max(self._done, self._speech_from() - self._rule.window.padding)

    def forget(self, sample: int) -> None:
        """Drop audio before a sample, except what a window still needs."""
        self.buffer.drop_before(min(sample, self._planner.needed_from(self._speech_from())))

    async def hear(self, pcm: Pcm) -> list[Heard]:
        """Add audio and return its events, in order."""
        self.buffer.append(pcm)
        joined = np.concatenate([self._rest, pcm])
        whole = self.sizes.aligned(len(joined))
        self._rest = joined[whole:]
        return await self._judge(joined[:whole]) if whole else []

    def end_window(self) -> list[Heard]:
        """Close what is open at the last sample received."""
        return self._end(self._tracker.position)

    async def finish(self) -> list[Heard]:
        """Return the remaining events at the end of the audio."""
        found: list[Heard] = []
        if len(self._rest):
            found += await self._judge(np.pad(self._rest, (0, FRAME - len(self._rest))))
            self._rest = self._rest[:0]
        return [*found, *self._end(self.heard)]

    def _end(self, sample: int) -> list[Heard]:
        found: list[Heard] = [event for span in self._tracker.finish(sample) for event in self._ended(span)]
        return [*found, *self._left_open(), *self._planner.flush()]

    async def _judge(self, frames: Pcm) -> list[Heard]:
        loop = asyncio.get_running_loop()
        probabilities = await loop.run_in_executor(self._executor, self._detector, frames)
        skipped = max(0, min(len(probabilities), (self._tracker.position - self._judged) // FRAME))
        self._judged += len(frames)
        found: list[Heard] = []
        for utterance in self._tracker.feed(probabilities[skipped:]):
            found += self._ended(utterance)
        found += self._left_open()
        return [*found, *self._planner.flush(at=self._speech_from())]

    def _ended(self, utterance: Span) -> Iterator[Heard]:
        """Pass an utterance to the planner, without the audio before `done`."""
        start = max(utterance.start, min(self._done, utterance.end))
        if self._announced is None:
            yield SpeechEvent(start, True)
        opened = self._tracker.open_since
        self._announced = opened if opened == utterance.end else None
        yield from self._planner.add(Span(start, utterance.end), self.heard if opened is None else opened)
        yield Utterance(start, self._planner.pending_end or utterance.end)

    def _left_open(self) -> Iterator[Heard]:
        """Report an utterance that opened, or one that turned out to be too short."""
        opened = self._tracker.open_since
        if opened is not None and self._announced is None:
            yield SpeechEvent(opened, True)
        elif opened is None and self._announced is not None:
            yield Utterance(self._announced, self._tracker.position)
        self._announced = opened

    def _speech_from(self) -> int:
        """Return the earliest sample at which further speech may begin."""
        opened = self._tracker.open_since
        return self._tracker.position if opened is None else opened

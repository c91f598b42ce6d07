"""Hear a live stream: where speech begins and ends, and the windows that end, cut as those of a section are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

import numpy as np

from locution_asr.core.speech import FRAME, SpeechRule, SpeechTracker
from locution_asr.core.windows import PcmBuffer, WindowPlanner, WindowRule
from locution_asr.domain.models import Pcm, Span, Window, samples
from locution_asr.domain.ports import SpeechDetector

WARM_UP = samples(8.0)
"""Audio that the detector hears before what is not done: its state is then as if it had heard all."""


@dataclass(frozen=True, slots=True)
class Opened:
    """Speech began at a sample."""

    sample: int


@dataclass(frozen=True, slots=True)
class Closed:
    """Speech ended: an utterance, padded as its window holds it."""

    span: Span


Heard = Opened | Closed | Window


@dataclass(frozen=True, slots=True)
class LiveRule:
    """Set when text becomes final; lengths in samples."""

    speech: SpeechRule = field(default_factory=SpeechRule)
    window: WindowRule = field(default_factory=WindowRule)

    def ending(self, silence: int, longest: int) -> LiveRule:
        """Return the rule with windows that end after `silence` or `longest` samples; 0 leaves either as it is."""
        pause = max(1, silence - self.window.padding) if silence else self.window.pause
        whole = min(longest, self.window.longest) if longest else self.window.longest
        utterance = min(self.speech.longest, whole - 2 * self.window.padding) if longest else self.speech.longest
        turn = pause if silence else self.window.turn
        window = replace(self.window, pause=pause, turn=turn, longest=whole)
        return LiveRule(replace(self.speech, longest=utterance), window)


def aligned(sample: int) -> int:
    """Return the last frame's boundary at or before a sample."""
    return sample - sample % FRAME


class LiveEar:
    """Cut a stream that begins at `first` into windows; what lies before `done` only warms the detector up."""

    def __init__(self, detector: SpeechDetector, executor: Executor, rule: LiveRule, first: int, done: int) -> None:
        self._detector = detector
        self._executor = executor
        self._rule = rule
        self.buffer = PcmBuffer(first)
        self._tracker = SpeechTracker(rule.speech, max(first, aligned(done)))
        self._planner = WindowPlanner(rule.window, self.buffer, done)
        self._rest: Pcm = np.empty(0, np.int16)
        self._announced: int | None = None
        self._judged = first
        self._done = done

    @property
    def heard(self) -> int:
        """Return the sample behind the last one taken."""
        return self.buffer.end

    @property
    def speaking_since(self) -> int | None:
        """Return where the utterance that is open began, its padding included."""
        opened = self._tracker.open_since
        return None if opened is None else max(self._done, opened - self._rule.window.padding)

    @property
    def window_since(self) -> int | None:
        """Return where the open window begins, None in silence."""
        pending = self._planner.pending_start
        return self.speaking_since if pending is None else pending

    @property
    def quiet_until(self) -> int:
        """Return the sample before which no further window begins, when none is open."""
        return max(self._done, self._speech_from() - self._rule.window.padding)

    def forget(self, sample: int) -> None:
        """Let go of audio before a sample, as far as no window needs it."""
        self.buffer.drop_before(min(sample, self._planner.needed_from(self._speech_from())))

    async def hear(self, pcm: Pcm) -> list[Heard]:
        """Take audio and return what happened in it, in order."""
        self.buffer.append(pcm)
        joined = np.concatenate([self._rest, pcm])
        whole = len(joined) - len(joined) % FRAME
        self._rest = joined[whole:]
        return await self._judge(joined[:whole]) if whole else []

    def end_window(self) -> list[Heard]:
        """End what is open at the last sample heard."""
        return self._end(self._tracker.position)

    async def finish(self) -> list[Heard]:
        """Return what remains at the end of the audio."""
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
        """Give an utterance to the planner; what lies before `done` was given by an earlier stream."""
        span = Span(max(utterance.start, min(self._done, utterance.end)), utterance.end)
        if self._announced is None:
            yield Opened(span.start)
        opened = self._tracker.open_since
        self._announced = opened if opened == utterance.end else None
        yield from self._planner.add(span, self.heard if opened is None else opened)
        yield Closed(Span(span.start, self._planner.pending_end or span.end))

    def _left_open(self) -> Iterator[Heard]:
        """Tell of an utterance that opened, or of one that turned out to be too short."""
        opened = self._tracker.open_since
        if opened is not None and self._announced is None:
            yield Opened(opened)
        elif opened is None and self._announced is not None:
            yield Closed(Span(self._announced, self._tracker.position))
        self._announced = opened

    def _speech_from(self) -> int:
        opened = self._tracker.open_since
        return self._tracker.position if opened is None else opened

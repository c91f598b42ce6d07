"""Detect where speech begins and ends, and cut it at pauses into windows, for files and live streams."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from copy import copy, deepcopy
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from locution_speech.asr import DecodeMode, EngineSizes, SpeechEvent
from locution_speech.clock import Span, samples

from locution_asr.core.attempts import longest_window
from locution_asr.core.doubt import Doubt, DoubtRule
from locution_asr.core.speech import SpeechRule, SpeechTracker
from locution_asr.core.windows import PcmBuffer, WindowPlanner, WindowRule
from locution_asr.domain.models import FRAME, Pcm, Window
from locution_asr.domain.ports import SpeechDetector

WARM_UP = samples(8.0)
"""Audio that restores the detector's state before a resume point."""

AHEAD = samples(0.5)
"""How long before its end a window is expected."""

BREATH = samples(0.1)
"""Silence that may be a pause."""


class Ending(Enum):
    """How an utterance ended: in a pause, cut while the speech goes on, or too soon to be speech."""

    PAUSE = "pause"
    CUT = "cut"
    NO_SPEECH = "no_speech"


@dataclass(frozen=True, slots=True)
class Utterance(Span):
    """An utterance that has ended, with the padding of its window."""

    ending: Ending = Ending.PAUSE


Heard = SpeechEvent | Utterance | Window


@dataclass(frozen=True, slots=True)
class EndpointRule:
    """Where utterances and windows end; lengths in samples. With `doubt`, what the detector may miss is heard twice."""

    speech: SpeechRule = field(default_factory=SpeechRule)
    window: WindowRule = field(default_factory=WindowRule)
    doubt: DoubtRule | None = None

    @property
    def sizes(self) -> EngineSizes:
        """Return the sizes that callers need."""
        return EngineSizes(FRAME, WARM_UP, self.window.longest)

    def in_mode(self, mode: DecodeMode) -> EndpointRule:
        """Return the rule with the best window length for the mode."""
        return self._with_windows(longest=longest_window(mode, self.window.longest))

    def doubting(self) -> EndpointRule:
        """Return the rule with a second hearing, which delays windows: it is for recordings."""
        return replace(self, doubt=DoubtRule(self.speech.longest, self.window.padding))

    def apart(self) -> EndpointRule:
        """Return the rule with one window per utterance, closed at once."""
        return self._with_windows(pause=-1)

    def ending(self, silence: int, longest: int) -> EndpointRule:
        """Return the rule whose windows end after `silence` or `longest` samples; 0 keeps the default."""
        pause = max(1, silence - self.window.padding) if silence else self.window.pause
        whole = min(longest, self.window.longest) if longest else self.window.longest
        utterance = min(self.speech.longest, whole - 2 * self.window.padding) if longest else self.speech.longest
        cut = self._with_windows(pause=pause, longest=whole)
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
        self._doubt = None if rule.doubt is None else Doubt(rule.doubt)
        self._rest: Pcm = np.empty(0, np.int16)
        self._announced: int | None = None
        self._expected: tuple[Span | None, Window] | None = None
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

    @property
    def pausing(self) -> bool:
        """Tell whether an utterance has paused and its window may be expected as soon as its padding is there."""
        spoken = self._spoken()
        left = self._silence_left(spoken)
        paused = spoken is not None and self._tracker.position - spoken.end >= BREATH
        return paused and left is not None and left < AHEAD + self._rule.window.padding

    def expected(self) -> Window | None:
        """Return the window that ends within AHEAD if the silence goes on, with all its audio; None in speech."""
        spoken = self._spoken()
        left = self._silence_left(spoken)
        padded = spoken is None or self._tracker.position - spoken.end >= self._rule.window.padding
        if left is None or left >= AHEAD or not padded:
            self._expected = None
        elif self._expected is None or self._expected[0] != spoken:
            window = self._foreseen(spoken)
            self._expected = None if window is None else (spoken, window)
        return None if self._expected is None else self._expected[1]

    def _spoken(self) -> Span | None:
        """Return the open utterance as if no more speech came; None if there is none."""
        return next(copy(self._tracker).finish(self._tracker.position), None)

    def _silence_left(self, spoken: Span | None) -> int | None:
        """Return the silence after which the open window may end; None without one, or while speech may begin."""
        window, at = self._rule.window, self._tracker.position
        shortest = window.pause
        if spoken is not None:
            return max(self._rule.speech.silence, window.padding + shortest) - (at - spoken.end)
        pending = self._planner.pending_end
        return None if pending is None or self._tracker.open_since is not None else pending + shortest - at

    def _foreseen(self, spoken: Span | None) -> Window | None:
        planner = deepcopy(self._planner, {id(self.buffer): self.buffer})
        if spoken is not None:
            deque(planner.add(self._undone(spoken), self.heard), 0)
        return next(planner.flush(at=self._tracker.position + AHEAD), None)

    def forget(self, sample: int) -> None:
        """Drop audio before a sample, except what a window still needs."""
        needed = self._planner.needed_from(self._speech_from())
        self.buffer.drop_before(min(sample, needed, needed if self._doubt is None else self._doubt.needed_from))

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
        found += [*self._left_open(), *self._planner.flush()]
        return [*found, *self._heard_twice(() if self._doubt is None else self._doubt.ended(sample))]

    async def _judge(self, frames: Pcm) -> list[Heard]:
        loop = asyncio.get_running_loop()
        sound = await loop.run_in_executor(self._executor, self._detector, frames)
        skipped = max(0, min(len(sound.speech), (self._tracker.position - self._judged) // FRAME))
        self._judged += len(frames)
        found: list[Heard] = []
        if self._doubt is not None:
            self._doubt.hear(sound.power)
        for utterance in self._tracker.feed(sound.speech[skipped:]):
            found += self._ended(utterance)
        found += self._left_open()
        found += self._planner.flush(at=self._speech_from())
        if self._doubt is not None:
            found += self._heard_twice(self._doubt.silent(self._speech_from() - self._rule.window.padding))
        return found

    def _heard_twice(self, doubted: Sequence[Span]) -> Iterator[Window]:
        """Yield windows for what is doubted, after the open window, which precedes them."""
        for span in doubted:
            yield from self._planner.flush()
            yield self._planner.doubtful(span)

    def _ended(self, utterance: Span) -> Iterator[Heard]:
        """Pass an utterance to the planner, without the audio before `done`."""
        undone = self._undone(utterance)
        opened = self._tracker.open_since
        limit = self.heard if opened is None else opened
        if self._doubt is not None:
            doubted = self._doubt.spoken(undone)
            yield from self._heard_twice(() if self._planner.bridges(undone, limit) else doubted)
        if self._announced is None:
            yield SpeechEvent(undone.start, True)
        ending = Ending.CUT if opened == utterance.end else Ending.PAUSE
        self._announced = opened if ending is Ending.CUT else None
        yield from self._planner.add(undone, limit)
        yield Utterance(undone.start, self._planner.pending_end or utterance.end, ending)

    def _undone(self, utterance: Span) -> Span:
        return Span(max(utterance.start, min(self._done, utterance.end)), utterance.end)

    def _left_open(self) -> Iterator[Heard]:
        """Report an utterance that opened, or one that turned out to be too short."""
        opened = self._tracker.open_since
        if opened is not None and self._announced is None:
            yield SpeechEvent(opened, True)
        elif opened is None and self._announced is not None:
            yield Utterance(self._announced, self._tracker.position, Ending.NO_SPEECH)
        self._announced = opened

    def _speech_from(self) -> int:
        """Return the earliest sample at which further speech may begin."""
        opened = self._tracker.open_since
        return self._tracker.position if opened is None else opened

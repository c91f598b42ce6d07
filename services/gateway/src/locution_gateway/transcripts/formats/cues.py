"""The cues of a transcript, in order and without overlap, with flat memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from math import ceil, inf
from typing import Final, TypeAlias

from locution_speech.clock import SAMPLE_RATE, samples
from locution_speech.languages import ends_sentence
from locution_speech.transcript import Segment, Word

from locution_gateway.transcripts.formats.cutting import SHORTEST, Shape, cut, lines, pieces
from locution_gateway.transcripts.formats.layout import Layout, SpeakerStyle
from locution_gateway.transcripts.formats.text import spoken_by
from locution_gateway.transcripts.models import TranscriptSummary

PAUSE: Final = samples(1.0)
"""A silence that no cue spans."""

ENOUGH: Final = samples(30.0)
"""From this length on a run ends with a sentence, from twice this length on with any segment."""

DASH: Final = "- "

Turn: TypeAlias = tuple[int | None, str | None]
"""Channel and speaker."""


@dataclass(frozen=True, slots=True)
class Cue:
    """Lines of text, at most `width` characters long, and when they show, in milliseconds."""

    start: int
    end: int
    lines: tuple[str, ...]
    turn: Turn
    speaker: str | None
    width: int

    @property
    def characters(self) -> int:
        """Return the number of characters that show."""
        return sum(map(len, self.lines))

    @property
    def reading_speed(self) -> float:
        """Return the characters per second."""
        return self.characters * 1000 / (self.end - self.start)


async def cues(segments: AsyncIterator[Segment], summary: TranscriptSummary, layout: Layout) -> AsyncIterator[Cue]:
    """Yield the cues of a transcript."""
    longest = milliseconds(layout.longest)
    found = _in_order(segments, summary, layout)
    if layout.speakers is SpeakerStyle.DASHES:
        found = _dialogues(found, longest)
    held: Cue | None = None
    async for cue in found:
        following = cue
        if held is not None:
            held, following = _apart(held, following)
            yield held
        held = following
    if held is not None:
        yield _lasting(held)


def milliseconds(samples: int) -> int:
    """Return a number of samples in milliseconds."""
    return round(samples * 1000 / SAMPLE_RATE)


@dataclass(slots=True)
class _Run:
    """What one speaker says without a long pause, in one script: its words are cut together."""

    turn: Turn
    speaker: str | None
    shape: Shape
    label: str
    words: list[Word] = field(default_factory=list)

    @property
    def start(self) -> int:
        return self.words[0].start

    @property
    def end(self) -> int:
        return self.words[-1].end

    @property
    def full(self) -> bool:
        return self.end - self.start >= (ENOUGH if ends_sentence(self.words[-1].text) else 2 * ENOUGH)

    @property
    def limit(self) -> int:
        """Return the characters of the longest piece: a label needs room beside it if there is one line only."""
        return self.shape.width - (len(self.label) + 1 if self.label and self.shape.lines == 1 else 0)

    def cues(self) -> list[Cue]:
        words = self.words
        if self.label:
            words = [Word(self.start, self.start, self.label), replace(words[0], spaced=True), *words[1:]]
        return [self._cue(tuple(group)) for group in cut(words, self.shape, labelled=bool(self.label))]

    def _cue(self, words: tuple[Word, ...]) -> Cue:
        start, longest = milliseconds(words[0].start), milliseconds(self.shape.longest)
        end = min(max(milliseconds(words[-1].end), start + 1), start + longest)
        return Cue(start, end, lines(words, self.shape), self.turn, self.speaker, self.shape.width)


@dataclass(slots=True)
class _Waiting:
    """Cues that wait until no earlier one can come."""

    heap: list[tuple[int, int, Cue]] = field(default_factory=list)
    added: int = 0

    async def add(self, run: _Run) -> None:
        """Cut a run, which takes milliseconds of a thread."""
        for cue in await asyncio.to_thread(run.cues):
            self.added += 1
            heappush(self.heap, (cue.start, self.added, cue))

    def before(self, start: float) -> Iterator[Cue]:
        """Remove and yield the cues before a time in milliseconds."""
        while self.heap and self.heap[0][0] < start:
            yield heappop(self.heap)[2]


async def _in_order(segments: AsyncIterator[Segment], summary: TranscriptSummary, layout: Layout) -> AsyncIterator[Cue]:
    """Yield the cues of all channels by start, before they are set apart."""
    running: dict[int | None, _Run] = {}
    waiting, named = _Waiting(), None
    async for segment in segments:
        following = _run(segment, summary, layout, named)
        for run in _ended(running, segment, following):
            await waiting.add(run)
        run = running.get(segment.channel, following)
        run.words += pieces(segment, summary.language, run.limit)
        if run.words:
            running[segment.channel], named = run, run.speaker
        for cue in waiting.before(min((milliseconds(each.start) for each in running.values()), default=0)):
            yield cue
    for run in running.values():
        await waiting.add(run)
    for cue in waiting.before(inf):
        yield cue


def _run(segment: Segment, summary: TranscriptSummary, layout: Layout, named: str | None) -> _Run:
    """Return an empty run for a segment, labelled with its speaker unless the last run was."""
    shape = Shape(layout.width_of(segment.text), layout.lines, layout.longest)
    speaker = spoken_by(segment, summary)
    label = ""
    if layout.speakers is SpeakerStyle.PREFIX and speaker and speaker != named:
        most = shape.width // 2
        label = f"{speaker if len(speaker) < most else f'{speaker[: most - 2].rstrip()}…'}:"
    return _Run((segment.channel, segment.speaker), speaker, shape, label)


def _ended(running: dict[int | None, _Run], segment: Segment, following: _Run) -> Iterator[_Run]:
    """Remove and yield the runs that a segment does not continue."""
    for channel, run in list(running.items()):
        other = channel == segment.channel and (run.turn, run.shape) != (following.turn, following.shape)
        if other or run.full or segment.start - run.end >= PAUSE:
            yield running.pop(channel)


async def _dialogues(found: AsyncIterator[Cue], longest: int) -> AsyncIterator[Cue]:
    """Join short cues of two turns into one cue with a dash before each line."""
    held: Cue | None = None
    async for cue in found:
        if held is not None and _answers(held, cue, longest):
            both = tuple(f"{DASH}{each.lines[0]}" for each in (held, cue))
            yield replace(held, end=max(held.end, cue.end), lines=both)
            held = None
            continue
        if held is not None:
            yield held
        held = cue
    if held is not None:
        yield held


def _answers(held: Cue, cue: Cue, longest: int) -> bool:
    short = all(len(each.lines) == 1 and len(DASH) + each.characters <= held.width for each in (held, cue))
    together = cue.start - held.end < milliseconds(PAUSE) and max(held.end, cue.end) - held.start <= longest
    return short and together and held.turn != cue.turn and held.width == cue.width


def _apart(first: Cue, second: Cue) -> tuple[Cue, Cue]:
    """Return two cues that do not overlap: where their speech does, they share the time by their characters."""
    if second.start < first.end:
        end = max(first.end, second.end)
        share = (end - first.start) * first.characters // (first.characters + second.characters)
        bound = max(min(first.start + share, first.end), second.start, first.start + 1)
        first, second = replace(first, end=bound), replace(second, start=bound, end=max(end, bound + 1))
    return _lasting(first, second.start), second


def _lasting(cue: Cue, limit: int | None = None) -> Cue:
    """Return a cue that lasts long enough to be read, but not beyond the start of the next."""
    end = cue.start + ceil(SHORTEST * 1000 / SAMPLE_RATE)
    return replace(cue, end=max(cue.end, end if limit is None else min(end, limit)))

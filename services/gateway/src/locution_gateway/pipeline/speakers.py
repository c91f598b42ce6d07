"""Assign speakers to words, and split segments where the speaker changes."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from locution_speech.clock import samples
from locution_speech.languages import ends_sentence
from locution_speech.speakers import Turn
from locution_speech.transcript import Segment, Word, text_of

EDGE_WORDS = 2
LONE_WORDS = 1

MARGIN: Final = samples(0.25)
"""Time on either side of a word in which other speakers make its label less sure."""

FAR: Final = samples(2.0)
"""Distance from the nearest turn at which a label is not sure at all."""


class TurnIndex:
    """Turns ordered by start, searchable by time."""

    def __init__(self, turns: Sequence[Turn[str]]) -> None:
        """Index turns, which may overlap."""
        self._turns = sorted(turns, key=lambda turn: (turn.start, turn.end))
        self._starts = [turn.start for turn in self._turns]
        self._longest = max((turn.length for turn in self._turns), default=0)

    def speaker(self, start: int, end: int) -> str | None:
        """Return the main speaker of [start, end), else the nearest one; None without turns."""
        if not self._turns:
            return None
        spoken = self._spoken(start, end)
        if spoken:
            return max(sorted(spoken), key=spoken.__getitem__)
        return self._nearest(start, end).speaker

    def confidence(self, word: Word) -> float:
        """Return how sure a word's speaker is, as the API's `Word.speaker_confidence` defines it; there are turns."""
        away = self._away(word.start, word.end)
        spoken = self._spoken(word.start - away - MARGIN, word.end + away + MARGIN)
        near = max(0.0, 1 - away / FAR)
        return round(near * spoken.get(word.speaker or "", 0) / sum(spoken.values()), 3)

    def _spoken(self, start: int, end: int) -> dict[str, int]:
        """Return the samples of [start, end) that turns give to each speaker."""
        spoken: dict[str, int] = {}
        for turn in self._near(start, end):
            shared = min(end, turn.end) - max(start, turn.start)
            if shared > 0:
                spoken[turn.speaker] = spoken.get(turn.speaker, 0) + shared
        return spoken

    def _near(self, start: int, end: int) -> Iterator[Turn[str]]:
        first = bisect_left(self._starts, start - self._longest)
        last = bisect_left(self._starts, end)
        return (self._turns[index] for index in range(first, last))

    def _away(self, start: int, end: int) -> int:
        return 0 if self._spoken(start, end) else max(0, _distance(self._nearest(start, end), start, end))

    def _nearest(self, start: int, end: int) -> Turn[str]:
        return min(self._turns, key=lambda turn: _distance(turn, start, end))


def _distance(turn: Turn[str], start: int, end: int) -> int:
    return max(turn.start - end, start - turn.end)


def assign(segments: Sequence[Segment], turns: Sequence[Turn[str]]) -> list[Segment]:
    """Return the segments with a speaker on every word, split where the speaker changes.

    A segment without words gets the speaker of its whole span. Without turns, the segments are returned unchanged.
    """
    if not turns:
        return list(segments)
    index = TurnIndex(turns)
    return [part for segment in segments for part in _split(segment, index)]


def _split(segment: Segment, index: TurnIndex) -> list[Segment]:
    if not segment.words:
        return [replace(segment, speaker=index.speaker(segment.start, segment.end))]
    labelled = [replace(word, speaker=index.speaker(word.start, word.end)) for word in segment.words]
    words = [replace(word, speaker_confidence=index.confidence(word)) for word in _smoothed(labelled)]
    runs = [(speaker, list(run)) for speaker, run in groupby(words, key=lambda word: word.speaker)]
    if len(runs) == 1:
        return [replace(segment, speaker=runs[0][0], words=tuple(words))]
    return [_part(segment, speaker, run) for speaker, run in runs]


def _part(segment: Segment, speaker: str | None, words: list[Word]) -> Segment:
    return replace(
        segment, start=words[0].start, end=words[-1].end, text=text_of(words), words=tuple(words), speaker=speaker
    )


def _smoothed(words: list[Word]) -> list[Word]:
    """Assign the one or two words at either end of a sentence, and single words inside it, to its main speaker.

    Turns and words come from two models whose times differ by a few tenths of a second, and speakers change between
    sentences far more often than within them.
    """
    return [word for sentence in _sentences(words) for word in _settled(sentence)]


def _sentences(words: Sequence[Word]) -> Iterator[list[Word]]:
    sentence: list[Word] = []
    for word in words:
        sentence.append(word)
        if ends_sentence(word.text):
            yield sentence
            sentence = []
    if sentence:
        yield sentence


def _settled(sentence: list[Word]) -> list[Word]:
    speakers = [word.speaker for word in sentence]
    main, count = Counter(speakers).most_common(1)[0]
    if 2 * count <= len(speakers):
        return sentence
    runs = [(speaker, len(list(run))) for speaker, run in groupby(speakers)]
    settled: list[str | None] = []
    for place, (speaker, length) in enumerate(runs):
        at_end = place in (0, len(runs) - 1)
        stray = length <= (EDGE_WORDS if at_end else LONE_WORDS)
        settled += [main if stray else speaker] * length
    return [replace(word, speaker=speaker) for word, speaker in zip(sentence, settled, strict=True)]

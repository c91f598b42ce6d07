"""Cut words into cues, and cues into lines.

Both choose the places that cost least together (Knuth and Plass, Breaking Paragraphs into Lines, 1981): behind
sentences, clauses and short pauses, with lengths in balance, and no word alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import accumulate
from math import inf
from typing import Final
from unicodedata import category

from locution_speech.clock import samples
from locution_speech.languages import ends_clause, ends_sentence, space
from locution_speech.transcript import Segment, Word, text_of

from locution_gateway.transcripts.formats.text import one_line

SHORTEST: Final = samples(5 / 6)
"""How long a cue lasts at least, unless the next one begins sooner."""

BREATH: Final = samples(0.3)
"""A silence that separates clauses."""

_NEVER_FIRST: Final = frozenset({"Lm", "Mc", "Mn", "Pe", "Pf", "Po"})
_NEVER_LAST: Final = frozenset({"Pi", "Ps"})

# What cuts cost, in cues: a cut inside a clause is worse than two more cues, a lone word is worse than three.
_INSIDE, _CLAUSE, _LONE, _HURRIED = 2.5, 0.4, 4.0, 2.0
# What line breaks cost: a fifth of the width out of balance is worth a break at a clause.
_UNBALANCED, _SEAM, _LONE_IN_LINE = 4.0, 0.18, 1.0


@dataclass(frozen=True, slots=True)
class Shape:
    """The limits of a cue: characters a line, lines, samples."""

    width: int
    lines: int
    longest: int


def pieces(segment: Segment, language: str | None, limit: int) -> Iterator[Word]:
    """Yield what no cut divides: words with what is written onto them, at most `limit` characters long.

    Words that are missing, or do not write the segment's text, are replaced by its text with times in proportion.
    """
    spaceless = not space(segment.language or language)
    text, words = one_line(segment.text), segment.words
    if one_line(text_of(words)) != text:
        words = tuple(_spread(segment, _split(text, spaceless)))
    group: list[Word] = []
    for word in (replace(word, text=one_line(word.text)) for word in words):
        if group and word.text and not (word.spaced or (spaceless and _divisible(group[-1].text, word.text))):
            group.append(word)
        elif word.text:
            yield from _short(group, limit)
            group = [word]
    yield from _short(group, limit)


def cut(words: Sequence[Word], shape: Shape, *, labelled: bool) -> list[Sequence[Word]]:
    """Return the words of each cue. If `labelled`, the first word is a label, which never stands without another."""
    seams = [*map(_seam, words, words[1:]), 0.0]
    best: list[tuple[float, int]] = [(inf, 0)] * len(words) + [(0.0, 0)]
    for first in reversed(range(len(words))):
        unspoken = int(labelled and first == 0)
        for end, characters in _fitting(words, first, first + 1 + unspoken, shape):
            spoken, slack = end - first - unspoken, 1 - characters / (shape.width * shape.lines)
            hurried = end < len(words) and words[end].start - words[first].start < SHORTEST
            cost = 1.0 + slack**2 + seams[end - 1] + _LONE * (spoken == 1) + _HURRIED * hurried
            best[first] = min(best[first], (cost + best[end][0] if spoken else inf, end))
    cues, first = [], 0
    while first < len(words):
        end = best[first][1]
        cues.append(words[first:end])
        first = end
    return cues


def lines(words: Sequence[Word], shape: Shape) -> tuple[str, ...]:
    """Return the fewest lines that hold the words, in balance."""
    bounds = list(accumulate((len(word.text) + word.spaced for word in words), initial=0))
    fewest = _fewest(words, shape.width)
    even = bounds[-1] / fewest

    def length(first: int, end: int) -> int:
        return bounds[end] - bounds[first] - words[first].spaced

    def cost(first: int, end: int) -> float:
        ragged = _UNBALANCED * ((length(first, end) - even) / shape.width) ** 2
        seam = 0.0 if end == len(words) else _SEAM * _seam(words[end - 1], words[end])
        return ragged + seam + (_LONE_IN_LINE if end - first == 1 else 0.0)

    @cache
    def best(first: int, left: int) -> tuple[float, tuple[int, ...]]:
        found: tuple[float, tuple[int, ...]] = inf, ()
        for end in range(first + 1, len(words) + 1):
            if length(first, end) > shape.width:
                break
            if left > 1 and end < len(words):
                rest, ends = best(end, left - 1)
                found = min(found, (cost(first, end) + rest, (end, *ends)))
            elif left == 1 and end == len(words):
                found = cost(first, end), (end,)
        return found

    ends = best(0, fewest)[1]
    return tuple(text_of(words[first:end]) for first, end in zip((0, *ends), ends, strict=False))


def _fitting(words: Sequence[Word], first: int, least: int, shape: Shape) -> Iterator[tuple[int, int]]:
    """Yield each end of a cue from `first` on that keeps the limits, and its characters; `least` always does."""
    line, used, total = 1, 0, 0
    for place in range(first, len(words)):
        word = words[place]
        longer = used + (word.spaced and used > 0) + len(word.text)
        if longer > shape.width:
            line, longer = line + 1, len(word.text)
        total, used = total + len(word.text), longer
        if place >= least and (line > shape.lines or word.end - words[first].start > shape.longest):
            return
        yield place + 1, total


def _fewest(words: Sequence[Word], width: int) -> int:
    """Return how many lines the words need."""
    found, used = 1, 0
    for word in words:
        used += (word.spaced and used > 0) + len(word.text)
        if used > width:
            found, used = found + 1, len(word.text)
    return found


def _seam(last: Word, following: Word) -> float:
    """Return what it costs to part two words."""
    if ends_sentence(last.text):
        return 0.0
    return _CLAUSE if ends_clause(last.text) or following.start - last.end >= BREATH else _INSIDE


def _divisible(before: str, after: str) -> bool:
    """Tell whether a script without spaces may be cut here: not before closing marks, nor inside a Latin word."""
    closes, opens = category(after[0]) in _NEVER_FIRST, category(before[-1]) in _NEVER_LAST
    return not (closes or opens or (before[-1] + after[0]).isascii())


def _split(text: str, spaceless: bool) -> Iterator[tuple[str, bool]]:
    """Yield the words of a text, or its characters if the script has no spaces, and whether a space precedes each."""
    for word in text.split():
        yield from ((part, not place) for place, part in enumerate(word if spaceless else (word,)))


def _spread(over: Segment | Word, texts: Iterator[tuple[str, bool]]) -> Iterator[Word]:
    """Yield words that share a span in proportion to their characters."""
    parts = list(texts)
    bounds = list(accumulate((len(text) for text, _ in parts), initial=0))
    for (text, spaced), first, end in zip(parts, bounds, bounds[1:], strict=False):
        start, stop = (over.start + over.length * at // bounds[-1] for at in (first, end))
        yield Word(start, stop, text, aligned=False, spaced=spaced)


def _short(group: Sequence[Word], limit: int) -> Iterator[Word]:
    """Yield a group of words as one, or in parts of at most `limit` characters."""
    if not group:
        return
    whole = replace(group[0], end=max(word.end for word in group), text=text_of(group))
    if len(whole.text) <= limit:
        yield whole
        return
    starts = range(0, len(whole.text), limit)
    yield from _spread(whole, ((whole.text[at : at + limit], whole.spaced and not at) for at in starts))

"""Find speech that has no words, and text that has no speech: the aligner and the detector are the witnesses."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from locution_speech.clock import Span, samples
from locution_speech.languages import ends_sentence
from locution_speech.transcript import Word

from locution_asr.core.agreement import plain

LONGEST_SPOKEN = samples(1.4)
"""The longest that the aligner's word is believed to last; what exceeds it has no word."""

REACH = samples(0.3)
"""Speech within this distance of a word belongs to it: detectors open early and close late."""

SHORTEST_GAP = samples(1.2)
SHORTEST_UTTERANCE = samples(0.5)
"""Speech without words counts from these lengths on: a part of an utterance, and a whole one."""

INSTANT = samples(0.04)
"""The aligner gives a word that it does not find two steps at most."""

INSTANT_WORDS = 4
REPEATED_WORDS = 4
REPEATED_INSTANTS = 2
"""A copy is judged from four words on, or from two if the aligner finds none of them."""

REPEATED_SHARE = 0.4


def wordless(speech: Sequence[Span], words: Sequence[Span]) -> list[Span]:
    """Return the stretches of `speech` that no word is near, from the shortest lengths on; both are in order."""
    near = [Span(max(0, word.start - REACH), spoken(word).end + REACH) for word in words]
    return [
        rest
        for span in speech
        for rest in _without(span, near)
        if rest.length >= (SHORTEST_UTTERANCE if rest == span else SHORTEST_GAP)
    ]


def spoken(word: Span) -> Span:
    """Return the part of a word's span that the word can fill: the aligner stretches words over what has no text."""
    return Span(word.start, min(word.end, word.start + LONGEST_SPOKEN))


def settled(words: Sequence[Word], speech: Sequence[Span]) -> list[Word]:
    """Return words without what the aligner stretched over a pause: a word lies within one of the utterances `speech`.

    A word over several utterances belongs to that of its neighbours: to the one where the next word goes on, unless
    the word before is in the first.
    """
    result: list[Word] = []
    for index, word in enumerate(words):
        over = [utterance for utterance in speech if utterance.overlaps(word)]
        if len(over) > 1:
            before = result[-1] if result else None
            follows = before is not None and before.end > over[0].start and not ends_sentence(before.text)
            home = over[0] if follows or index + 1 == len(words) else over[-1]
            word = replace(word, start=max(word.start, home.start), end=min(word.end, home.end))
        result.append(word)
    return result


def soundless(words: Sequence[Word]) -> frozenset[int]:
    """Return the indices of words that the audio does not hold: runs without duration, and hurried repetitions."""
    return frozenset([*_instant(words), *copies(words)])


def _without(span: Span, taken: Sequence[Span]) -> Iterator[Span]:
    at = span.start
    for other in taken:
        if other.end > at and other.start < span.end:
            if other.start > at:
                yield Span(at, other.start)
            at = max(at, other.end)
    if at < span.end:
        yield Span(at, span.end)


def _instant(words: Sequence[Word]) -> Iterator[int]:
    """Yield the words of runs that last no time."""
    run: list[int] = []
    for index, word in enumerate([*words, None]):
        if word is not None and word.length <= INSTANT:
            run.append(index)
            continue
        if len(run) >= INSTANT_WORDS:
            yield from run
        run = []


def copies(words: Sequence[Word]) -> Iterator[int]:
    """Yield the indices of shorter copies: of a run of words that follows itself at once in a fraction of its time."""
    texts = [plain(word.text) for word in words]
    for size in range(REPEATED_INSTANTS, len(words) // 2 + 1):
        for first in range(len(words) - 2 * size + 1):
            second = first + size
            if texts[first:second] == texts[second : second + size]:
                lasted, again = _lasted(words[first:second]), _lasted(words[second : second + size])
                start = first if lasted < again else second
                judged = size >= REPEATED_WORDS or all(word.length <= INSTANT for word in words[start : start + size])
                if judged and min(lasted, again) < REPEATED_SHARE * max(lasted, again):
                    yield from range(start, start + size)


def _lasted(words: Sequence[Word]) -> int:
    return sum(min(word.length, LONGEST_SPOKEN) for word in words)

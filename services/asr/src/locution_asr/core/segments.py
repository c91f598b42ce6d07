"""Group words into readable segments, and place them in the section."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from locution_speech.clock import Span, samples
from locution_speech.languages import ends_clause, ends_sentence
from locution_speech.transcript import Segment, Word, text_of

from locution_asr.core.windows import place
from locution_asr.domain.models import Window

SHORTEST_WORD = samples(0.02)


@dataclass(frozen=True, slots=True)
class SegmentRule:
    """Where text is split; lengths in samples.

    A segment ends at a pause of `pause`, at a sentence's end, at a clause's end from `long` on, and at `longest`.
    """

    pause: int = samples(1.0)
    shortest: int = samples(1.0)
    long: int = samples(10.0)
    longest: int = samples(18.0)


def placed_words(window: Window, words: Sequence[Word]) -> tuple[Word, ...]:
    """Place a window's words in the section: in order, without overlap, inside the window and not empty."""
    spans = lasting([place(window, word) for word in words], window.span)
    return tuple(replace(word, start=span.start, end=span.end) for span, word in zip(spans, words, strict=True))


def lasting(spans: Sequence[Span], whole: Span) -> list[Span]:
    """Move bounds minimally so that each span has the shortest length: first forwards, then back from the end."""
    shortest = max(1, min(SHORTEST_WORD, whole.length // max(1, len(spans))))
    forward, at = [], whole.start
    for span in spans:
        start = max(span.start, at)
        at = max(span.end, start + shortest)
        forward.append(Span(start, at))
    result, at = [], whole.end
    for span in reversed(forward):
        end = min(span.end, at)
        at = min(span.start, end - shortest)
        result.append(Span(at, end))
    return result[::-1]


def split(words: Sequence[Word], rule: SegmentRule) -> Iterator[tuple[Word, ...]]:
    """Yield readable groups of words."""
    group: list[Word] = []
    for word, following in zip(words, [*words[1:], None], strict=True):
        group.append(word)
        if following is None or _ends(group, following, rule):
            yield tuple(group)
            group = []


def segment(words: Sequence[Word], like: Segment) -> Segment:
    """Return a segment that spans `words` and otherwise equals `like`."""
    return replace(like, start=words[0].start, end=words[-1].end, text=text_of(words), words=tuple(words))


def _ends(group: Sequence[Word], following: Word, rule: SegmentRule) -> bool:
    last = group[-1]
    length = last.end - group[0].start
    if following.start - last.end >= rule.pause:
        return True
    if following.end - group[0].start > rule.longest:
        return True
    if not _begins_word(following):
        return False
    return (ends_sentence(last.text) and length >= rule.shortest) or (ends_clause(last.text) and length >= rule.long)


def _begins_word(word: Word) -> bool:
    """Tell whether a cut before this word splits no word; scripts without spaces may be cut anywhere."""
    return word.spaced or ord(word.text[:1] or " ") > 0x2E7F

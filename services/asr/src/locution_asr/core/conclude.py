"""Make a window's segments and coverage from its attempts and from what was decoded again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from locution_speech.clock import Span
from locution_speech.transcript import CoverageSpan, DropReason, Outcome, Segment, Word

from locution_asr.core.coverage import merged
from locution_asr.core.decode import Attempt
from locution_asr.core.segments import SegmentRule, placed_words, segment, split
from locution_asr.core.windows import halves, part, position, within
from locution_asr.core.wordless import REACH, SHORTEST_UTTERANCE, copies, settled, soundless, spoken, wordless
from locution_asr.domain.models import Piece, Window, WindowTiming


@dataclass(frozen=True, slots=True)
class Recognised:
    """The result of a window. `text_speech` counts the speech samples in spans with text."""

    segments: tuple[Segment, ...]
    coverage: tuple[CoverageSpan, ...]
    timing: WindowTiming
    speech: int
    text_speech: int

    def untimed(self) -> Recognised:
        """Return the result without its words."""
        return replace(self, segments=tuple(replace(item, words=()) for item in self.segments))


@dataclass(frozen=True, slots=True)
class Reading:
    """A window's attempt that counts, and its words in the section, without those that the audio does not hold."""

    window: Window
    attempt: Attempt
    words: tuple[Word, ...]

    @property
    def judged(self) -> bool:
        """Tell whether the words' times say where there is text."""
        return bool(self.words) and all(word.aligned for word in self.words)


def read(window: Window, attempts: Sequence[Attempt]) -> Reading:
    """Return the sound attempt; else one whose words, without those that have no audio, leave no speech without words.

    Failing that, it is the first one that has words with audio.
    """
    last = attempts[-1]
    if last.reason is None:
        return Reading(window, last, _placed(window, last.words))
    readings = [each for attempt in attempts if (each := relieved(window, attempt)) is not None]
    whole = (each for each in readings if not missing(each))
    return next(whole, readings[0] if readings else Reading(window, last, ()))


def relieved(window: Window, attempt: Attempt) -> Reading | None:
    """Return an UNALIGNED attempt without the words that the audio does not hold, or None if none are left."""
    if attempt.reason is not DropReason.UNALIGNED:
        return None
    lost = soundless(attempt.words)
    kept = [word for index, word in enumerate(attempt.words) if index not in lost]
    return Reading(window, replace(attempt, reason=None), _placed(window, kept)) if kept else None


def settles(window: Window, attempt: Attempt) -> bool:
    """Tell whether no further attempt is needed: sound or failed, or only copies of other words are to be taken out."""
    if attempt.reason in (None, DropReason.INFERENCE_FAILED):
        return True
    without = relieved(window, attempt)
    return without is not None and soundless(attempt.words) == set(copies(attempt.words)) and not missing(without)


def _placed(window: Window, words: Sequence[Word]) -> tuple[Word, ...]:
    return tuple(settled(placed_words(window, words), window.utterances))


def missing(reading: Reading) -> list[Window]:
    """Return the parts of a window to decode again: speech without words, or all of it, cut differently."""
    window, attempt = reading.window, reading.attempt
    if attempt.reason is DropReason.INFERENCE_FAILED:
        return []
    if attempt.reason is not None:
        return [each for each in _cut(window) if _speech(each) >= SHORTEST_UTTERANCE]
    if not reading.judged:
        return []
    groups = _groups(wordless(window.utterances, reading.words), reading.words)
    return [part(window, *_bounds(window, group, reading.words)) for group in groups]


def concluded(reading: Reading, again: Sequence[Recognised], timing: WindowTiming, rule: SegmentRule) -> Recognised:
    """Return the result of a window of which some parts were decoded again."""
    window = reading.window
    parts = [item for found in again for item in found.segments]
    segments = tuple(sorted([*_segments(reading, parts, rule), *parts], key=lambda item: item.start))
    coverage = tuple(merged(item for piece in window.pieces for item in _covered(piece, reading, segments, again)))
    speech = window.utterances
    with_text = [item for item in coverage if item.outcome is Outcome.TRANSCRIBED]
    return Recognised(
        segments,
        coverage,
        added(timing, [found.timing for found in again]),
        _total(speech),
        sum(_total(within(speech, item)) for item in with_text),
    )


def joined(before: WindowTiming, parts: Sequence[Recognised]) -> Recognised:
    """Join the parts of a split window, and add the attempts that `before` counts."""
    return Recognised(
        segments=tuple(item for found in parts for item in found.segments),
        coverage=tuple(item for found in parts for item in found.coverage),
        timing=added(before, [found.timing for found in parts]),
        speech=sum(found.speech for found in parts),
        text_speech=sum(found.text_speech for found in parts),
    )


def untried(window: Window, reason: DropReason) -> Recognised:
    """Return the result of a window that is not decoded."""
    return Recognised(
        (), tuple(_dropped(piece.span, reason) for piece in window.pieces), WindowTiming(0.0, 0.0, 0, 0), 0, 0
    )


def second(window: Window, attempt: Attempt, timing: WindowTiming, rule: SegmentRule) -> Recognised:
    """Return the result of a second hearing: what has no sound text is no speech, unless the model failed."""
    words = _placed(window, attempt.words) if attempt.reason is None else ()
    found = concluded(Reading(window, attempt, words), (), timing, rule)
    if attempt.reason is DropReason.INFERENCE_FAILED:
        return found
    if not found.segments:
        return replace(unheard(window), timing=timing)
    text = CoverageSpan(found.segments[0].start, found.segments[-1].end, Outcome.TRANSCRIBED)
    return replace(found, coverage=(text,), speech=text.length, text_speech=text.length)


def unheard(window: Window) -> Recognised:
    """Return the result of audio that the detector rejected and that got no second hearing."""
    silence = tuple(CoverageSpan(each.span.start, each.span.end, Outcome.NO_SPEECH) for each in window.pieces)
    return Recognised((), silence, WindowTiming(0.0, 0.0, 0, 0), 0, 0)


def added(timing: WindowTiming, others: Sequence[WindowTiming]) -> WindowTiming:
    """Add up how a window and its parts were served; the batch is that of the last decode."""
    timings = [timing, *(other for other in others if other.attempts)]
    return WindowTiming(
        queue_wait=sum(each.queue_wait for each in timings),
        decode=sum(each.decode for each in timings),
        batch_size=timings[-1].batch_size,
        attempts=sum(each.attempts for each in timings),
    )


def _cut(window: Window) -> tuple[Window, ...]:
    """Cut a window at its longest pause between utterances, else at its quietest place."""
    speech = window.utterances
    pauses = [(later.start - earlier.end, earlier.end) for earlier, later in pairwise(speech)]
    if not pauses:
        return halves(window) or ()
    pause, at = max(pauses)
    cut = position(window, at + min(pause // 2, REACH))
    return part(window, 0, cut), part(window, cut, len(window.pcm))


def _groups(spans: Sequence[Span], words: Sequence[Word]) -> list[Span]:
    """Join stretches between which no word begins."""
    groups: list[Span] = []
    for span in spans:
        if groups and not any(groups[-1].end <= word.start < span.start for word in words):
            groups[-1] = Span(groups[-1].start, span.end)
        else:
            groups.append(span)
    return groups


def _bounds(window: Window, span: Span, words: Sequence[Word]) -> tuple[int, int]:
    """Return the window's samples to decode again for `span`: as far as the words around it, within reach."""
    before = max((spoken(word).end for word in words if word.start < span.start), default=0)
    after = min((word.start for word in words if word.start >= span.start), default=window.span.end)
    first, last = max(before, span.start - REACH, 0), min(after, span.end + REACH)
    return position(window, first), position(window, last)


def _segments(reading: Reading, parts: Sequence[Segment], rule: SegmentRule) -> Iterator[Segment]:
    """Yield the segments of a window's own words, split where parts come between them."""
    attempt, window = reading.attempt, reading.window
    if attempt.reason is not None or attempt.draft is None:
        return
    whole = Segment(
        start=window.span.start,
        end=window.span.end,
        text=attempt.draft.text.strip(),
        words=reading.words,
        language=attempt.language,
        language_probability=attempt.language_probability,
        mean_log_probability=attempt.draft.mean_log_probability,
    )
    if not reading.words:
        yield whole
    for group in _between(reading.words, [item.start for item in parts]):
        yield from (segment(words, whole) for words in split(group, rule))


def _between(words: Sequence[Word], starts: Sequence[int]) -> Iterator[list[Word]]:
    """Yield the words in groups that end where a part begins."""
    group: list[Word] = []
    for word in words:
        if group and any(group[-1].start < start <= word.start for start in starts):
            yield group
            group = []
        group.append(word)
    if group:
        yield group


def _covered(
    piece: Piece, reading: Reading, segments: Sequence[Segment], again: Sequence[Recognised]
) -> Iterator[CoverageSpan]:
    """Yield what became of a piece: a stretch of speech without words is DROPPED or FAILED for its own reason."""
    spans = [span for item in segments for span in (item.words or (item,))]
    near = [span for span in spans if span.overlaps(piece.span) or span.start == piece.span.start]
    if not near:
        yield from _lost(piece.span, reading, again)
        return
    at = piece.span.start
    judged = reading.judged or not reading.words
    for gap in wordless(piece.utterances, near) if judged else ():
        if gap.start > at:
            yield CoverageSpan(at, gap.start, Outcome.TRANSCRIBED)
        yield from _lost(gap, reading, again)
        at = gap.end
    if at < piece.span.end:
        yield CoverageSpan(at, piece.span.end, Outcome.TRANSCRIBED)


def _lost(span: Span, reading: Reading, again: Sequence[Recognised]) -> Iterator[CoverageSpan]:
    """Yield why a span has no words: what decoding its parts again said last, else the window's own reason."""
    said = [item for found in again for item in found.coverage if item.reason is not None and item.overlaps(span)]
    said = said or [_unsaid(span, reading)]
    at = span.start
    for item, following in zip(said, [*said[1:], None], strict=True):
        end = span.end if following is None else max(at, following.start)
        if end > at:
            yield replace(item, start=at, end=end)
        at = end


def _unsaid(span: Span, reading: Reading) -> CoverageSpan:
    reason = reading.attempt.reason or DropReason.NO_TEXT
    if reason is DropReason.INFERENCE_FAILED:
        return CoverageSpan(span.start, span.end, Outcome.FAILED, reason)
    return _dropped(span, reason)


def _dropped(span: Span, reason: DropReason) -> CoverageSpan:
    return CoverageSpan(span.start, span.end, Outcome.DROPPED, reason)


def _speech(window: Window) -> int:
    return _total(window.utterances)


def _total(spans: Sequence[Span] | Iterator[Span]) -> int:
    return sum(span.length for span in spans)

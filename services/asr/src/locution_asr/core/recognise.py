"""Transcribe one window: attempts in order until one is sound, then words, segments and coverage."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from locution_speech.asr import DecodeMode, SectionStart
from locution_speech.clock import Span
from locution_speech.transcript import CoverageSpan, DropReason, Outcome, Segment, Word

from locution_asr.core.attempts import AttemptPlan, plan_attempts
from locution_asr.core.decode import Attempt, DecodeRequest
from locution_asr.core.dispatch import Decoded, Decoding
from locution_asr.core.segments import SegmentRule, placed_words, segment, split
from locution_asr.core.windows import halves
from locution_asr.domain.models import Piece, Window, WindowTiming
from locution_asr.domain.ports import Draft, LoadedModel


@dataclass(frozen=True, slots=True)
class Recognised:
    """The result of a window. `text_speech` counts the speech samples in pieces with text."""

    segments: tuple[Segment, ...]
    coverage: tuple[CoverageSpan, ...]
    timing: WindowTiming
    speech: int
    text_speech: int


@dataclass(slots=True)
class SectionLanguage:
    """Shares the language of a section's first window with the others."""

    heard: asyncio.Future[Mapping[str, float]] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )

    async def prior(self, window: Window) -> Mapping[str, float] | None:
        """Return the first window's language. The first window itself has none, unless it continues another stream."""
        return None if window.index == 0 and not self.heard.done() else await asyncio.shield(self.heard)

    def tell(self, window: Window, heard: Mapping[str, float]) -> None:
        """Store the first window's language."""
        if window.index == 0 and not self.heard.done():
            self.heard.set_result(heard)


class RecogniseWindow:
    """Decode the windows of one section."""

    def __init__(
        self,
        dispatcher: Decoding,
        model: LoadedModel,
        start: SectionStart,
        mode: DecodeMode,
        language: SectionLanguage | None = None,
    ) -> None:
        self._dispatcher = dispatcher
        self._model = model
        self._start = start
        self._mode = mode
        self._language = language or SectionLanguage()
        self._rule = SegmentRule()

    async def run(self, window: Window) -> Recognised:
        """Return the window's text, or only its coverage if no attempt gave sound text.

        If a window's text exceeds the decoder's limit, the window is split and its halves are transcribed.
        """
        prior = None if self._start.options.language else await self._language.prior(window)
        served: list[Decoded] = []
        for plan in plan_attempts(self._start.options, self._mode, len(window.pcm)):
            served.append(await self._dispatcher.submit(self._request(window, plan, prior)))
            self._language.tell(window, served[0].result.heard)
            if served[-1].result.reason in (None, DropReason.INFERENCE_FAILED):
                break
            if served[-1].result.reason is DropReason.TOO_MANY_TOKENS and plan.whole and (parts := halves(window)):
                return joined(_timing(served), [await self.run(part) for part in parts])
        return _conclude(window, served, self._rule)

    def _request(self, window: Window, plan: AttemptPlan, prior: Mapping[str, float] | None) -> DecodeRequest:
        return DecodeRequest(
            pcm=window.pcm,
            recogniser=self._model.recogniser,
            batch_size=self._model.batch_size,
            options=self._start.options,
            plan=plan,
            flow=self._start.flow,
            prior=prior,
        )


def _conclude(window: Window, served: list[Decoded], rule: SegmentRule) -> Recognised:
    attempt = served[-1].result
    segments = _segments(window, attempt, rule)
    coverage = tuple(_covered(piece, attempt, segments) for piece in window.pieces)
    heard = (
        piece.speech for piece, item in zip(window.pieces, coverage, strict=True) if item.outcome is Outcome.TRANSCRIBED
    )
    timing = _timing(served)
    return Recognised(segments, coverage, timing, sum(piece.speech for piece in window.pieces), sum(heard))


def joined(before: WindowTiming, parts: Sequence[Recognised]) -> Recognised:
    """Join the parts of a split window, and add the attempts that `before` counts."""
    timings = [before, *(part.timing for part in parts)]
    return Recognised(
        segments=tuple(item for part in parts for item in part.segments),
        coverage=tuple(item for part in parts for item in part.coverage),
        timing=WindowTiming(
            queue_wait=sum(timing.queue_wait for timing in timings),
            decode=sum(timing.decode for timing in timings),
            batch_size=timings[-1].batch_size,
            attempts=sum(timing.attempts for timing in timings),
        ),
        speech=sum(part.speech for part in parts),
        text_speech=sum(part.text_speech for part in parts),
    )


def _timing(served: Sequence[Decoded]) -> WindowTiming:
    return WindowTiming(
        queue_wait=sum(item.waited for item in served),
        decode=sum(item.result.elapsed for item in served),
        batch_size=served[-1].result.batch_size,
        attempts=len(served),
    )


def _segments(window: Window, attempt: Attempt, rule: SegmentRule) -> tuple[Segment, ...]:
    if attempt.reason is not None or attempt.draft is None:
        return ()
    words = placed_words(window, attempt.words)
    whole = _whole(window, attempt, attempt.draft, words)
    if not words:
        return (whole,)
    return tuple(segment(group, whole) for group in split(words, rule))


def _whole(window: Window, attempt: Attempt, draft: Draft, words: tuple[Word, ...]) -> Segment:
    return Segment(
        start=window.span.start,
        end=window.span.end,
        text=draft.text.strip(),
        words=words,
        language=attempt.language,
        language_probability=attempt.language_probability,
        mean_log_probability=draft.mean_log_probability,
    )


def _covered(piece: Piece, attempt: Attempt, segments: tuple[Segment, ...]) -> CoverageSpan:
    start, end = piece.span.start, piece.span.end
    if attempt.reason is DropReason.INFERENCE_FAILED:
        return CoverageSpan(start, end, Outcome.FAILED, attempt.reason)
    if attempt.reason is not None:
        return CoverageSpan(start, end, Outcome.DROPPED, attempt.reason)
    if any(_speaks(item, piece) for item in segments):
        return CoverageSpan(start, end, Outcome.TRANSCRIBED)
    return CoverageSpan(start, end, Outcome.DROPPED, DropReason.NO_TEXT)


def _speaks(item: Segment, piece: Piece) -> bool:
    """Tell whether a segment has a word in the piece, or overlaps it without word times."""
    spans: Sequence[Span] = item.words or (item,)
    return any(span.overlaps(piece.span) or span.start == piece.span.start for span in spans)

"""Words, segments, and the outcome of all audio. Positions are samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from locution_speech.clock import Span


@dataclass(frozen=True, slots=True)
class Word(Span):
    """One word without spaces around it; `spaced` if a space precedes it in writing.

    `probability` is the decoder's for its tokens, None if unknown. `aligned` is False if the times are distributed by
    text length. `speaker_confidence` says how sure the speaker is, 0 to 1, None if unknown.
    """

    text: str
    probability: float | None = None
    aligned: bool = True
    speaker: str | None = None
    spaced: bool = True
    speaker_confidence: float | None = None


@dataclass(frozen=True, slots=True)
class Segment(Span):
    """A stretch of speech of about a sentence, by one speaker; every word lies inside it."""

    text: str
    words: tuple[Word, ...] = ()
    speaker: str | None = None
    language: str | None = None
    language_probability: float | None = None
    mean_log_probability: float | None = None
    channel: int | None = None

    def moved(self, by: int) -> Self:
        """Return the segment shifted by `by` samples, with its words."""
        words = tuple(word.moved(by) for word in self.words)
        return replace(self, start=self.start + by, end=self.end + by, words=words)


class Outcome(StrEnum):
    """The outcome of a stretch of audio."""

    TRANSCRIBED = "TRANSCRIBED"
    NO_SPEECH = "NO_SPEECH"
    DROPPED = "DROPPED"
    FAILED = "FAILED"


class DropReason(StrEnum):
    """Why speech has no text, or why its window was decoded again."""

    NO_TEXT = "NO_TEXT"
    IMPROBABLE_SPEECH = "IMPROBABLE_SPEECH"
    LOW_PROBABILITY = "LOW_PROBABILITY"
    REPETITION = "REPETITION"
    TOO_MANY_TOKENS = "TOO_MANY_TOKENS"
    UNALIGNED = "UNALIGNED"
    BUDGET_SPENT = "BUDGET_SPENT"
    INFERENCE_FAILED = "INFERENCE_FAILED"


@dataclass(frozen=True, slots=True)
class CoverageSpan(Span):
    """The outcome of a span. Only DROPPED and FAILED have a `reason`: a DropReason or an ErrorReason."""

    outcome: Outcome
    reason: str | None = None
    channel: int | None = None


def text_of(words: Sequence[Word]) -> str:
    """Join words as written."""
    return "".join(f" {word.text}" if word.spaced else word.text for word in words).strip()

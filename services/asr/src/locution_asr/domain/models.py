"""Name the things that the service works on. Times are samples at 16 kHz, counted from the section's start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

import numpy as np
from locution_speech.engine.models import FlowKey, TrafficClass, WeightName
from numpy.typing import NDArray

SAMPLE_RATE = 16_000
WINDOW_SECONDS = 30
WINDOW_SAMPLES = WINDOW_SECONDS * SAMPLE_RATE

Pcm = NDArray[np.int16]


def samples(seconds: float) -> int:
    """Return the number of samples in `seconds`, rounded to the nearest."""
    return round(seconds * SAMPLE_RATE)


def seconds(count: int) -> float:
    """Return the length of `count` samples in seconds."""
    return count / SAMPLE_RATE


SHORTEST_INPUT = samples(10.0)
"""Shortest encoder input of FAST where no verdict names another: shorter ones harm some weights' text."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Cover the samples from `start` up to, not including, `end`."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(f"not a span: {self.start} to {self.end}")

    @property
    def length(self) -> int:
        """Count the samples covered."""
        return self.end - self.start

    def clamp(self, sample: int) -> int:
        """Return the sample of this span that is nearest to `sample`; `end` counts as inside."""
        return min(max(sample, self.start), self.end)

    def overlaps(self, other: Span) -> bool:
        """Tell whether the two share at least one sample."""
        return self.start < other.end and other.start < self.end


class Task(Enum):
    """Choose between the spoken language's text and its English translation."""

    TRANSCRIBE = "transcribe"
    TRANSLATE = "translate"


class Mode(Enum):
    """Choose full windows with beam search, or short windows with a checked greedy draft."""

    ACCURATE = "accurate"
    FAST = "fast"


class ModeChoice(Enum):
    """Say which mode a request wants: FAST where it is proven, or one of the two; UNPROVEN is the gate's alone."""

    PROVEN = "proven"
    ACCURATE = "accurate"
    FAST = "fast"
    FAST_UNPROVEN = "fast_unproven"


class Outcome(Enum):
    """Say what became of a span of audio."""

    TRANSCRIBED = "transcribed"
    NO_SPEECH = "no_speech"
    DROPPED = "dropped"
    FAILED = "failed"


class Reason(Enum):
    """Say why a span gave no text although speech was detected in it, or why its window was decoded again."""

    NO_TEXT = "no_text"
    IMPROBABLE_SPEECH = "improbable_speech"
    LOW_PROBABILITY = "low_probability"
    REPETITION = "repetition"
    TOO_MANY_TOKENS = "too_many_tokens"
    INFERENCE_FAILED = "inference_failed"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """State what a weight can do."""

    multilingual: bool
    languages: frozenset[str]
    translation: bool


@dataclass(frozen=True, slots=True)
class Options:
    """Carry what a request asks of the decoder; `language` None means detection.

    `shortest_input` is FAST's shortest encoder input in samples, None for the one that is proven.
    """

    language: str | None = None
    allowed_languages: tuple[str, ...] = ()
    task: Task = Task.TRANSCRIBE
    prompt: str = ""
    hotwords: tuple[str, ...] = ()
    beam_size: int = 5
    word_times: bool = True
    max_temperature: float = 0.0
    mode: ModeChoice = ModeChoice.PROVEN
    shortest_input: int | None = None


@dataclass(frozen=True, slots=True)
class SectionStart:
    """Open a section: who is served, how urgently (`deadline` in monotonic seconds), and with which options."""

    weight: WeightName
    flow: FlowKey
    flow_weight: float = 1.0
    traffic: TrafficClass = TrafficClass.FILE
    deadline: float | None = None
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class PcmChunk:
    """Bring mono 16 kHz samples that begin at `offset` of the section."""

    offset: int
    pcm: Pcm


@dataclass(frozen=True, slots=True)
class Piece:
    """Place `span` of the section at sample `at` of a window; `speech` of its samples were called speech."""

    at: int
    span: Span
    speech: int


@dataclass(frozen=True, slots=True, eq=False)
class Window:
    """Hold what one decoder pass hears: speech with its padding, longer silences taken out.

    `pieces` map the window's samples back to the section, in order and without overlap.
    """

    index: int
    pcm: Pcm
    pieces: tuple[Piece, ...]

    @property
    def span(self) -> Span:
        """Cover the section from the first piece to the last."""
        return Span(self.pieces[0].span.start, self.pieces[-1].span.end)


@dataclass(frozen=True, slots=True)
class Word:
    """Hold one word; `probability` is the mean over the decoder's tokens.

    `aligned` is False where the aligner gave nothing usable and the times are spread by length.
    """

    span: Span
    text: str
    probability: float | None
    aligned: bool


@dataclass(frozen=True, slots=True)
class Segment:
    """Hold a readable stretch of text. `text` is the words' concatenation, stripped."""

    span: Span
    text: str
    words: tuple[Word, ...]
    language: str
    language_probability: float | None
    mean_log_probability: float
    no_speech_probability: float


@dataclass(frozen=True, slots=True)
class CoverageSpan:
    """Say what became of `span`; `reason` is set for DROPPED and FAILED alone."""

    span: Span
    outcome: Outcome
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class WindowTiming:
    """Report how one window was served: seconds waited and decoded, the batch it shared, decoder passes."""

    queue_wait: float
    decode: float
    batch_size: int
    passes: int


@dataclass(frozen=True, slots=True)
class SectionReport:
    """Sum up a section. `text_speech` is the part of `speech` whose span gave text."""

    length: int
    speech: int
    text_speech: int
    mode: Mode
    windows: tuple[WindowTiming, ...]
    languages: Mapping[str, float]
    coverage: tuple[CoverageSpan, ...]

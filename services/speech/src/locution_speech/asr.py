"""What a speech engine is asked and what it answers. Positions and lengths are samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from locution_speech.clock import Span
from locution_speech.engine.models import Flow, ModelName, Timings
from locution_speech.transcript import CoverageSpan, Word


class Task(StrEnum):
    """Choose between the spoken language's text and its English translation."""

    TRANSCRIBE = "TRANSCRIBE"
    TRANSLATE = "TRANSLATE"


class DecodeMode(StrEnum):
    """Choose full windows with beam search, or short windows with a checked greedy draft."""

    ACCURATE = "ACCURATE"
    FAST = "FAST"


class ModeChoice(Enum):
    """Say which mode a request wants: FAST where it is qualified, or one of the two.

    FAST_UNQUALIFIED is for qualification runs alone.
    """

    QUALIFIED = "qualified"
    ACCURATE = "accurate"
    FAST = "fast"
    FAST_UNQUALIFIED = "fast_unqualified"


@dataclass(frozen=True, slots=True)
class Options:
    """Carry what a request asks of the decoder; `language` None means detection.

    `shortest_input` is FAST's shortest encoder input, None for the one that is qualified.
    """

    language: str | None = None
    allowed_languages: tuple[str, ...] = ()
    task: Task = Task.TRANSCRIBE
    prompt: str = ""
    hotwords: tuple[str, ...] = ()
    beam_size: int = 5
    word_times: bool = True
    max_temperature: float = 0.0
    mode: ModeChoice = ModeChoice.QUALIFIED
    shortest_input: int | None = None


@dataclass(frozen=True, slots=True)
class SectionStart:
    """Open a section: for whom, and with which options."""

    model: ModelName
    flow: Flow
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class EngineSizes:
    """Say how an engine hears: the `frame` that its detector judges at once, and the longest window.

    From `warm_up` before what is not done on, its detector hears as if it had heard all.
    """

    frame: int
    warm_up: int
    longest_window: int

    def aligned(self, sample: int) -> int:
        """Return the last frame's boundary at or before a sample."""
        return sample - sample % self.frame

    def begin(self, done: int) -> int:
        """Return the first sample that an engine must hear when all before `done` is done."""
        return self.aligned(max(0, done - self.warm_up))


@dataclass(frozen=True, slots=True)
class Started:
    """Say what a stream runs with; `shortest_input` is the shortest encoder input, None but in FAST.

    `sizes` are None where an engine does not tell them.
    """

    model: str
    checksum: str
    device: str
    mode: DecodeMode
    shortest_input: int | None
    sizes: EngineSizes | None


@dataclass(frozen=True, slots=True)
class SectionDone:
    """Sum up a section of `length`. `text_speech` is the part of `speech` whose span gave text."""

    length: int
    speech: int
    text_speech: int
    coverage: tuple[CoverageSpan, ...]
    timings: Timings


@dataclass(frozen=True, slots=True)
class ListenStart:
    """Open a live stream; `silence` and `longest` are 0 for those of sections.

    The audio begins at `first`; all before `done` was done by an earlier stream, which heard `language` first.
    """

    section: SectionStart
    step: int
    silence: int = 0
    longest: int = 0
    partials: bool = True
    first: int = 0
    done: int = 0
    language: str | None = None


@dataclass(frozen=True, slots=True)
class ListenUpdate:
    """Change what the decoder is asked; None leaves a field as it is, and "auto" asks for detection."""

    language: str | None = None
    prompt: str | None = None
    hotwords: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Flush:
    """Ask for the text so far."""


@dataclass(frozen=True, slots=True)
class SpeechEvent:
    """Speech began, or ended, at a sample."""

    sample: int
    began: bool


@dataclass(frozen=True, slots=True)
class ListenPartial:
    """Say what is heard of the window that is open: words agreed on, and the text behind them."""

    start: int
    confirmed: tuple[Word, ...]
    unstable: str
    heard: int


@dataclass(frozen=True, slots=True)
class ListenFinal(Span):
    """Hold the text of a window; `reason` says why there is none."""

    text: str
    words: tuple[Word, ...] = ()
    language: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ListenProgress:
    """Say that all before `done` is done, and from where a stream in place of this one must hear again."""

    done: int
    keep_from: int


@dataclass(frozen=True, slots=True)
class ListenDone:
    """Sum up a live stream of `length`."""

    length: int
    timings: Timings


ListenEvent = SpeechEvent | ListenPartial | ListenFinal | ListenProgress | ListenDone

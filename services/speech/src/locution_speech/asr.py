"""Requests to a speech engine and its answers. Positions and lengths are samples."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum

from locution_speech.clock import Span
from locution_speech.engine.models import Flow, ModelName, Timings
from locution_speech.transcript import CoverageSpan, Word


class Task(StrEnum):
    """Text in the spoken language, or its English translation."""

    TRANSCRIBE = "TRANSCRIBE"
    TRANSLATE = "TRANSLATE"


class DecodeMode(StrEnum):
    """Full windows with beam search, or short windows with a checked greedy draft."""

    ACCURATE = "ACCURATE"
    FAST = "FAST"


class ModeChoice(Enum):
    """The mode that a request prefers: FAST if qualified, or one of the two. FAST_UNQUALIFIED is for qualifying."""

    QUALIFIED = "qualified"
    ACCURATE = "accurate"
    FAST = "fast"
    FAST_UNQUALIFIED = "fast_unqualified"


@dataclass(frozen=True, slots=True)
class Options:
    """Options of the decoder; `language` None means detection.

    `shortest_input` is FAST's shortest encoder input, None for the qualified one.
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
    """Opens a section: the flow and the options."""

    model: ModelName
    flow: Flow
    options: Options = field(default_factory=Options)


@dataclass(frozen=True, slots=True)
class EngineSizes:
    """Sizes of an engine: the `frame` that its detector judges at once, and the longest window.

    If the detector starts `warm_up` samples before a resume point, it reaches the state that it would have had.
    """

    frame: int
    warm_up: int
    longest_window: int

    def aligned(self, sample: int) -> int:
        """Return the last frame's boundary at or before a sample."""
        return sample - sample % self.frame

    def begin(self, done: int) -> int:
        """Return the first sample that an engine needs when all audio before `done` is done."""
        return self.aligned(max(0, done - self.warm_up))


@dataclass(frozen=True, slots=True)
class Started:
    """The effective configuration of a stream; `shortest_input` is the shortest encoder input, None except in FAST.

    `sizes` are None if an engine does not report them.
    """

    model: str
    checksum: str
    device: str
    mode: DecodeMode
    shortest_input: int | None
    sizes: EngineSizes | None


@dataclass(frozen=True, slots=True)
class SectionDone:
    """Totals of a section of `length`. `text_speech` is the part of `speech` whose span has text."""

    length: int
    speech: int
    text_speech: int
    coverage: tuple[CoverageSpan, ...]
    timings: Timings


@dataclass(frozen=True, slots=True)
class ListenStart:
    """Opens a live stream; `silence` and `longest` of 0 mean those of sections.

    The audio begins at `first`. An earlier stream finished all before `done`, and detected `language` first.
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
    """Changes options; None leaves a field unchanged, and "auto" requests detection."""

    language: str | None = None
    prompt: str | None = None
    hotwords: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Flush:
    """Requests the text so far."""


@dataclass(frozen=True, slots=True)
class SpeechEvent:
    """Speech began or ended at a sample."""

    sample: int
    began: bool


@dataclass(frozen=True, slots=True)
class ListenPartial:
    """Interim text behind the last final: confirmed words, and the text after them.

    `joined` if no space precedes that text.
    """

    start: int
    confirmed: tuple[Word, ...]
    unstable: str
    heard: int
    joined: bool = False


@dataclass(frozen=True, slots=True)
class ListenFinal(Span):
    """Final text of a window; `reason` says why there is none."""

    text: str
    words: tuple[Word, ...] = ()
    language: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ListenProgress:
    """All audio before `done` is done. A replacement stream needs the audio from `keep_from`."""

    done: int
    keep_from: int


@dataclass(frozen=True, slots=True)
class ListenDone:
    """Totals of a live stream of `length`."""

    length: int
    timings: Timings


ListenEvent = SpeechEvent | ListenPartial | ListenFinal | ListenProgress | ListenDone

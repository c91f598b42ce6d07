"""The ports of the core. Docstrings are obligations; one conformance suite checks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

from locution_speech.asr import SectionStart, Task
from locution_speech.capabilities import Capabilities
from locution_speech.engine.dispatch import BatchObserver
from locution_speech.engine.models import ModelName, ModelRecord
from locution_speech.transcript import Word

from locution_asr.domain.models import SHORTEST_INPUT, Pcm, SectionReport, Sound


@dataclass(frozen=True, slots=True)
class Prompt:
    """What precedes one window's text: its language, task, and text that guides spelling and style."""

    language: str
    task: Task
    text: str = ""
    hotwords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """How tokens are searched; equal for all windows of a batch. `temperature` 0 is deterministic."""

    beam_size: int
    max_tokens: int
    temperature: float = 0.0
    no_repeat_ngram: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """One window's tokens and text with the decoder's measures, logarithms natural."""

    tokens: tuple[int, ...]
    text: str
    mean_log_probability: float
    no_speech_probability: float
    capped: bool


class Encoding(Protocol):
    """The encoder's output for a batch of windows; rows keep the batch's order."""

    def detect_languages(self) -> Sequence[Mapping[str, float]]:
        """Return each row's probability of every language of the model, summing to one."""
        ...

    def generate(self, rows: Sequence[int], prompts: Sequence[Prompt], search: Search) -> Sequence[Draft]:
        """Return one draft for each of `rows`, without timestamp or other special tokens in its text.

        `prompts` has one entry for each of `rows`, not for the whole batch.
        """
        ...

    def align(
        self, rows: Sequence[int], prompts: Sequence[Prompt], drafts: Sequence[Draft], lengths: Sequence[int]
    ) -> Sequence[Sequence[Word]]:
        """Return the words of `rows` in order, at samples of the window that never decrease and end within `lengths`.

        The other sequences run over `rows` too. The words' texts concatenate to the draft's text.
        """
        ...


class Recogniser(Protocol):
    """One loaded model. Several threads may call its methods at once; they block."""

    @property
    def capabilities(self) -> Capabilities:
        """Return what the model can do."""
        ...

    def encode(self, windows: Sequence[Pcm], length: int) -> Encoding:
        """Encode windows of at most `length` samples, each padded to `length`."""
        ...


class SpeechDetector(Protocol):
    """Judges frames of FRAME samples, and keeps its state between calls."""

    def __call__(self, pcm: Pcm) -> Sound:
        """Judge `pcm`, which holds a whole number of frames. Blocks."""
        ...


@dataclass(frozen=True, slots=True)
class WhisperRecord(ModelRecord):
    """The registry's record of a model; `fast_qualified` is set if its qualification passed.

    `shortest_input` is the encoder input of the qualification, in samples.
    """

    fast_qualified: bool
    shortest_input: int = SHORTEST_INPUT


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model in memory: its recogniser, its best batch size in windows, and its bytes."""

    record: WhisperRecord
    recogniser: Recogniser
    batch_size: int
    memory: int
    device: str


class ModelStore(Protocol):
    """Leases loaded models."""

    def lease(self, name: ModelName) -> AbstractAsyncContextManager[LoadedModel]:
        """Lease the model until the context ends; it stays loaded for that time.

        Refuses with MODEL_NOT_FOUND, MODEL_NOT_USABLE, ModelPathInvalid, MODEL_CHECKSUM_MISMATCH or ModelLoadFailed.
        """
        ...


class Observer(BatchObserver, Protocol):
    """Measures events; never raises, never blocks."""

    def section(self, report: SectionReport, start: SectionStart) -> None:
        """Record a finished section."""
        ...

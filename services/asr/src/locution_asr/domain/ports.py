"""State what the core asks of the outside. Docstrings are obligations; one conformance suite checks them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from locution_speech.asr import SectionStart, Task
from locution_speech.capabilities import Capabilities
from locution_speech.engine.dispatch import BatchObserver
from locution_speech.engine.models import ModelName, ModelRecord
from locution_speech.transcript import Word
from numpy.typing import NDArray

from locution_asr.domain.models import SHORTEST_INPUT, Pcm, SectionReport


@dataclass(frozen=True, slots=True)
class Prompt:
    """Say what precedes one window's text: its language, task, and text that steers spelling and style."""

    language: str
    task: Task
    text: str = ""
    hotwords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Search:
    """Say how tokens are searched; equal for all windows of a batch. `temperature` 0 is deterministic."""

    beam_size: int
    max_tokens: int
    temperature: float = 0.0
    no_repeat_ngram: int = 0


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold one window's tokens as text with the decoder's own measures, logarithms natural."""

    tokens: tuple[int, ...]
    text: str
    mean_log_probability: float
    no_speech_probability: float
    capped: bool


class Encoding(Protocol):
    """Hold the encoder's output for a batch of windows; rows keep the batch's order."""

    def detect_languages(self) -> Sequence[Mapping[str, float]]:
        """Return each row's probability of every language of the model, summing to one."""
        ...

    def generate(self, rows: Sequence[int], prompts: Sequence[Prompt], search: Search) -> Sequence[Draft]:
        """Return one draft for each of `rows`, without timestamp or other special tokens in its text.

        The prompts run over `rows`, not over the whole batch.
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
    """Be one loaded model. Every method may be called from several threads at once, and blocks."""

    @property
    def capabilities(self) -> Capabilities:
        """State what the model can do."""
        ...

    def encode(self, windows: Sequence[Pcm], length: int) -> Encoding:
        """Encode windows of at most `length` samples, each padded to `length`."""
        ...


class SpeechDetector(Protocol):
    """Give the probability of speech for frames of FRAME samples, keeping its state between calls."""

    def __call__(self, pcm: Pcm) -> NDArray[np.float32]:
        """Return one probability a frame; `pcm` holds a whole number of frames. Blocks."""
        ...


@dataclass(frozen=True, slots=True)
class WhisperRecord(ModelRecord):
    """Say what the registry holds of a model; `fast_qualified` is set when its qualification passed.

    `shortest_input` is the encoder input in samples that the qualification is about.
    """

    fast_qualified: bool
    shortest_input: int = SHORTEST_INPUT


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """Hold a model in memory: how to run it, how many windows a batch takes best, and the bytes it occupies."""

    record: WhisperRecord
    recogniser: Recogniser
    batch_size: int
    memory: int
    device: str


class ModelStore(Protocol):
    """Lend loaded models."""

    def lease(self, name: ModelName) -> AbstractAsyncContextManager[LoadedModel]:
        """Lend the model until the context ends; it stays loaded for that long.

        Refused with MODEL_NOT_FOUND, MODEL_NOT_USABLE, ModelPathInvalid, MODEL_CHECKSUM_MISMATCH or ModelLoadFailed.
        """
        ...


class Observer(BatchObserver, Protocol):
    """Measure what happens; never raises, never blocks."""

    def section(self, report: SectionReport, start: SectionStart) -> None:
        """Take note of a finished section."""
        ...

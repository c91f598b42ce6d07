"""A recogniser without a model: it says what the test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from locution_asr.core.attempts import AttemptPlan
from locution_asr.core.decode import DecodeRequest
from locution_asr.core.guards import Guard
from locution_asr.domain.models import WINDOW_SAMPLES, Pcm, SectionReport
from locution_asr.domain.ports import Draft, LoadedModel, Prompt, Search, WhisperRecord
from locution_speech.asr import Options, SectionStart
from locution_speech.capabilities import Capabilities
from locution_speech.engine.models import Flow, FlowKey, ModelName
from locution_speech.transcript import Word

Speak = Callable[[Pcm, Prompt, Search], Draft]


def sound(text: str = " hello there", **changes: float) -> Draft:
    tokens = tuple(ord(letter) for letter in text)
    values = {"mean_log_probability": -0.2, "no_speech_probability": 0.1, **changes}
    return Draft(tokens, text, values["mean_log_probability"], values["no_speech_probability"], capped=False)


@dataclass
class FakeRecogniser:
    """Answer with `speak`; hold each call until `gate` is set; keep what was asked."""

    speak: Speak = lambda pcm, prompt, search: sound()
    languages: Callable[[Pcm], Mapping[str, float]] = lambda pcm: {"en": 0.9, "de": 0.1}
    multilingual: bool = True
    gate: threading.Event = field(default_factory=threading.Event)
    batches: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    prompts: list[Prompt] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.gate.set()

    @property
    def capabilities(self) -> Capabilities:
        known = ("en", "de", "fr") if self.multilingual else ("en",)
        return Capabilities(known, self.multilingual, self.multilingual, word_times=True)

    def encode(self, windows: Sequence[Pcm], length: int) -> FakeEncoding:
        assert self.gate.wait(60), "nobody opened the gate"
        self.batches.append(len(windows))
        self.lengths.append(length)
        return FakeEncoding(self, windows)


@dataclass
class FakeEncoding:
    recogniser: FakeRecogniser
    windows: Sequence[Pcm]

    def detect_languages(self) -> list[Mapping[str, float]]:
        return [self.recogniser.languages(pcm) for pcm in self.windows]

    def generate(self, rows: Sequence[int], prompts: Sequence[Prompt], search: Search) -> list[Draft]:
        self.recogniser.prompts += prompts
        pairs = zip(rows, prompts, strict=True)
        return [self.recogniser.speak(self.windows[row], prompt, search) for row, prompt in pairs]

    def align(
        self, rows: Sequence[int], prompts: Sequence[Prompt], drafts: Sequence[Draft], lengths: Sequence[int]
    ) -> list[list[Word]]:
        return [_spaced(draft.text, length) for draft, length in zip(drafts, lengths, strict=True)]


def _spaced(text: str, length: int) -> list[Word]:
    words = text.split()
    count = len(words)
    return [Word(i * length // count, (i + 1) * length // count, word, 0.9) for i, word in enumerate(words)]


class Unobserved:
    """Measure nothing."""

    def section(self, report: SectionReport, start: SectionStart) -> None: ...

    def batch(self, size: int, most: int, elapsed: float) -> None: ...


def record(name: str = "whisper/fake", *, fast: bool = False, refusal: str | None = None) -> WhisperRecord:
    return WhisperRecord(ModelName(name), "0" * 64, 100, refusal, (), fast)


def loaded(recogniser: FakeRecogniser, batch_size: int = 4) -> LoadedModel:
    return LoadedModel(record(), recogniser, batch_size, 100, "cpu")


def request(
    recogniser: FakeRecogniser,
    *,
    pcm: Pcm | None = None,
    options: Options | None = None,
    prior: Mapping[str, float] | None = None,
    beam: int = 5,
    flow: str = "flow",
) -> DecodeRequest:
    return DecodeRequest(
        pcm=np.zeros(16000, np.int16) if pcm is None else pcm,
        recogniser=recogniser,
        batch_size=4,
        options=options or Options(),
        plan=AttemptPlan(WINDOW_SAMPLES, Search(beam, 224), Guard()),
        flow=Flow(FlowKey(flow)),
        prior=prior,
    )

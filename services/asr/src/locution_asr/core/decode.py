"""Run one batch through a model: encode, detect languages, generate, judge, align. Blocks; runs in a thread."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from locution_speech.asr import Options
from locution_speech.clock import seconds
from locution_speech.engine.models import Flow
from locution_speech.transcript import DropReason, Word

from locution_asr.core.attempts import AttemptPlan
from locution_asr.core.guards import judge
from locution_asr.core.wordless import soundless
from locution_asr.domain.models import Pcm
from locution_asr.domain.ports import Draft, Encoding, Prompt, Recogniser

CONFIDENT = 0.65


@dataclass(frozen=True, slots=True, eq=False)
class DecodeRequest:
    """One attempt at decoding a window.

    `prior` holds the section's language probabilities, if known; `language` the window's own with its probability, if
    it was detected before.
    """

    pcm: Pcm
    recogniser: Recogniser
    batch_size: int
    options: Options
    plan: AttemptPlan
    flow: Flow
    prior: Mapping[str, float] | None = None
    language: tuple[str, float] | None = None

    @property
    def cost(self) -> float:
        """Return seconds of audio: the mean of the encoder's input and the window's length."""
        return seconds(self.plan.length + len(self.pcm)) / 2

    @property
    def shape(self) -> Hashable:
        """Return the batch key."""
        return (id(self.recogniser), self.plan.length, self.plan.search, self.plan.detects)


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of one attempt: `reason` None means sound; `heard` holds the language probabilities, if detected.

    `words` are the draft's where its measures are sound, if the model gives times; those that the audio does not hold
    make the reason UNALIGNED.
    """

    draft: Draft | None
    reason: DropReason | None
    language: str
    language_probability: float | None
    heard: Mapping[str, float]
    words: tuple[Word, ...]
    batch_size: int
    elapsed: float


def decode(requests: Sequence[DecodeRequest]) -> list[Attempt]:
    """Return one attempt per request. If a batch fails, its requests are decoded one by one."""
    started = time.monotonic()
    try:
        return _decode(requests, started)
    except RuntimeError:
        if len(requests) > 1:
            return [attempt for request in requests for attempt in decode([request])]
        return [_failed(requests[0], time.monotonic() - started)]


def _decode(requests: Sequence[DecodeRequest], started: float) -> list[Attempt]:
    first = requests[0]
    encoding = first.recogniser.encode([request.pcm for request in requests], first.plan.length)
    heard = _languages(requests, encoding)
    chosen = [choose(request, probabilities) for request, probabilities in zip(requests, heard, strict=True)]
    if first.plan.detects:
        return [_detected(*each, len(requests), started) for each in zip(chosen, heard, strict=True)]
    prompts = [_prompt(request, language) for request, (language, _) in zip(requests, chosen, strict=True)]
    drafts = encoding.generate(range(len(requests)), prompts, first.plan.search)
    reasons = [
        judge(draft, request.plan.guard, request.plan.limit) for request, draft in zip(requests, drafts, strict=True)
    ]
    words = _align(requests, encoding, prompts, drafts, reasons)
    reasons = [DropReason.UNALIGNED if soundless(words.get(i, ())) else reason for i, reason in enumerate(reasons)]
    elapsed = (time.monotonic() - started) / len(requests)
    return [
        Attempt(drafts[i], reasons[i], *chosen[i], heard[i], words.get(i, ()), len(requests), elapsed)
        for i in range(len(requests))
    ]


def choose(request: DecodeRequest, heard: Mapping[str, float]) -> tuple[str, float | None]:
    """Choose a window's language: its own if it is clear, else combined with that of the section's first window."""
    if request.options.language is not None:
        return request.options.language, None
    if request.language is not None:
        return request.language
    if not heard:
        return "en", None
    probabilities = restrict(heard, request.options.allowed_languages)
    best = max(probabilities, key=lambda code: probabilities[code])
    if request.prior and probabilities[best] < CONFIDENT:
        prior = restrict(request.prior, request.options.allowed_languages)
        probabilities = {code: (p + prior.get(code, 0.0)) / 2 for code, p in probabilities.items()}
        best = max(probabilities, key=lambda code: probabilities[code])
    return best, probabilities[best]


def restrict(heard: Mapping[str, float], allowed: Sequence[str]) -> dict[str, float]:
    """Return the probabilities of the allowed languages, normalised; all languages if none is named."""
    kept = {code: p for code, p in heard.items() if not allowed or code in allowed}
    total = sum(kept.values())
    return {code: p / total if total else 1 / len(kept) for code, p in kept.items()}


def _languages(requests: Sequence[DecodeRequest], encoding: Encoding) -> Sequence[Mapping[str, float]]:
    detects = requests[0].recogniser.capabilities.language_detection
    if detects and any(request.options.language is None and request.language is None for request in requests):
        return encoding.detect_languages()
    return [{}] * len(requests)


def _prompt(request: DecodeRequest, language: str) -> Prompt:
    options = request.options
    if not request.plan.prompted:
        return Prompt(language, options.task)
    return Prompt(language, options.task, options.prompt, options.hotwords)


def _align(
    requests: Sequence[DecodeRequest],
    encoding: Encoding,
    prompts: Sequence[Prompt],
    drafts: Sequence[Draft],
    reasons: Sequence[DropReason | None],
) -> dict[int, tuple[Word, ...]]:
    rows = [i for i, reason in enumerate(reasons) if reason is None]
    if not rows or not requests[0].recogniser.capabilities.word_times:
        return {}
    lengths = [len(requests[i].pcm) for i in rows]
    aligned = encoding.align(rows, [prompts[i] for i in rows], [drafts[i] for i in rows], lengths)
    return {row: tuple(words) for row, words in zip(rows, aligned, strict=True)}


def _detected(
    language: tuple[str, float | None], heard: Mapping[str, float], batch_size: int, started: float
) -> Attempt:
    elapsed = (time.monotonic() - started) / batch_size
    return Attempt(None, None, *language, heard, (), batch_size, elapsed)


def _failed(request: DecodeRequest, elapsed: float) -> Attempt:
    language = request.options.language or "und"
    return Attempt(None, DropReason.INFERENCE_FAILED, language, None, {}, (), 1, elapsed)

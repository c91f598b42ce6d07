"""Run one batch through a model: encode, find languages, generate, judge, align. Blocks; runs in a thread."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

from locution_speech.asr import Options
from locution_speech.clock import seconds
from locution_speech.engine.models import Flow
from locution_speech.transcript import DropReason

from locution_asr.core.attempts import Pass
from locution_asr.core.guards import judge
from locution_asr.domain.models import Pcm
from locution_asr.domain.ports import Draft, Encoding, Prompt, Recogniser, TimedWord

CONFIDENT = 0.65


@dataclass(frozen=True, slots=True, eq=False)
class Job:
    """Be one decoder pass over one window. `prior` holds the section's language probabilities, where known."""

    pcm: Pcm
    recogniser: Recogniser
    batch_size: int
    options: Options
    decoding: Pass
    flow: Flow
    prior: Mapping[str, float] | None = None

    @property
    def cost(self) -> float:
        """Return seconds of audio: the mean of what the encoder takes and what the decoder hears."""
        return seconds(self.decoding.length + len(self.pcm)) / 2

    @property
    def shape(self) -> Hashable:
        """Return what jobs of one batch have in common."""
        return (id(self.recogniser), self.decoding.length, self.decoding.search)


@dataclass(frozen=True, slots=True)
class Attempt:
    """Hold what one pass gave: `reason` None means sound; `heard` are the language probabilities, when detected."""

    draft: Draft | None
    reason: DropReason | None
    language: str
    language_probability: float | None
    heard: Mapping[str, float]
    words: tuple[TimedWord, ...]
    batch_size: int
    elapsed: float


def decode(jobs: Sequence[Job]) -> list[Attempt]:
    """Return one attempt a job. A batch that fails is decoded again one by one, so that a fault stays alone."""
    started = time.monotonic()
    try:
        return _decode(jobs, started)
    except RuntimeError:
        if len(jobs) > 1:
            return [attempt for job in jobs for attempt in decode([job])]
        return [_failed(jobs[0], time.monotonic() - started)]


def _decode(jobs: Sequence[Job], started: float) -> list[Attempt]:
    first = jobs[0]
    encoding = first.recogniser.encode([job.pcm for job in jobs], first.decoding.length)
    heard = _languages(jobs, encoding)
    chosen = [choose(job, probabilities) for job, probabilities in zip(jobs, heard, strict=True)]
    prompts = [_prompt(job, language) for job, (language, _) in zip(jobs, chosen, strict=True)]
    drafts = encoding.generate(range(len(jobs)), prompts, first.decoding.search)
    reasons = [judge(draft, job.decoding.guard, job.decoding.limit) for job, draft in zip(jobs, drafts, strict=True)]
    words = _align(jobs, encoding, prompts, drafts, reasons)
    elapsed = (time.monotonic() - started) / len(jobs)
    return [
        Attempt(drafts[i], reasons[i], *chosen[i], heard[i], words.get(i, ()), len(jobs), elapsed)
        for i in range(len(jobs))
    ]


def choose(job: Job, heard: Mapping[str, float]) -> tuple[str, float | None]:
    """Choose a window's language: its own when it is clear, else together with the section's first window."""
    if job.options.language is not None:
        return job.options.language, None
    if not heard:
        return "en", None
    probabilities = restrict(heard, job.options.allowed_languages)
    best = max(probabilities, key=lambda code: probabilities[code])
    if job.prior and probabilities[best] < CONFIDENT:
        prior = restrict(job.prior, job.options.allowed_languages)
        probabilities = {code: (p + prior.get(code, 0.0)) / 2 for code, p in probabilities.items()}
        best = max(probabilities, key=lambda code: probabilities[code])
    return best, probabilities[best]


def restrict(heard: Mapping[str, float], allowed: Sequence[str]) -> dict[str, float]:
    """Return the probabilities of the allowed languages alone, summing to one; all of them when none is named."""
    kept = {code: p for code, p in heard.items() if not allowed or code in allowed}
    total = sum(kept.values())
    return {code: p / total if total else 1 / len(kept) for code, p in kept.items()}


def _languages(jobs: Sequence[Job], encoding: Encoding) -> Sequence[Mapping[str, float]]:
    detects = jobs[0].recogniser.capabilities.language_detection
    if detects and any(job.options.language is None for job in jobs):
        return encoding.detect_languages()
    return [{}] * len(jobs)


def _prompt(job: Job, language: str) -> Prompt:
    options = job.options
    if not job.decoding.prompted:
        return Prompt(language, options.task)
    return Prompt(language, options.task, options.prompt, options.hotwords)


def _align(
    jobs: Sequence[Job],
    encoding: Encoding,
    prompts: Sequence[Prompt],
    drafts: Sequence[Draft],
    reasons: Sequence[DropReason | None],
) -> dict[int, tuple[TimedWord, ...]]:
    rows = [i for i, job in enumerate(jobs) if reasons[i] is None and job.options.word_times]
    if not rows:
        return {}
    lengths = [len(jobs[i].pcm) for i in rows]
    aligned = encoding.align(rows, [prompts[i] for i in rows], [drafts[i] for i in rows], lengths)
    return {row: tuple(words) for row, words in zip(rows, aligned, strict=True)}


def _failed(job: Job, elapsed: float) -> Attempt:
    language = job.options.language or "und"
    return Attempt(None, DropReason.INFERENCE_FAILED, language, None, {}, (), 1, elapsed)

"""Judge a draft: invented or runaway text shows in the decoder's own measures.

The compression and log-probability thresholds are those of the Whisper paper (Radford et al. 2022, section 4.5).
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from locution_speech.transcript import DropReason

from locution_asr.domain.ports import Draft


@dataclass(frozen=True, slots=True)
class Guard:
    """Limits of a draft; a draft beyond any limit is suspect.

    The probability of no speech counts only for improbable text, as in the paper, unless `speech_certain` is set.
    """

    compression: float = 2.4
    log_probability: float = -1.0
    no_speech: float = 0.6
    speech_certain: bool = False
    tokens_per_second: float = 7.0
    spare_tokens: int = 14

    def token_cap(self, seconds: float, density: float = 1.0) -> int:
        """Return how many tokens `seconds` of speech can hold; `density` is tokens relative to English."""
        return int(self.tokens_per_second * density * seconds) + self.spare_tokens


ACCEPTED_AT_LAST = Guard(compression=2.4, log_probability=-1.4, no_speech=0.6)

CERTAIN = Guard(log_probability=-0.65, no_speech=0.2, speech_certain=True)
"""Measured on audio that the detector rejects (base): right texts had -0.61 and 0.14 at worst, inventions at best -0.74
and 0.25."""


def judge(draft: Draft, guard: Guard, limit: int | None = None) -> DropReason | None:
    """Return why the draft is suspect, or None if it is sound; it may hold `limit` tokens."""
    if not draft.text.strip():
        return DropReason.NO_TEXT
    if loops(draft.tokens) or compression_ratio(draft.text) > guard.compression:
        return DropReason.REPETITION
    if draft.capped or (limit is not None and len(draft.tokens) > limit):
        return DropReason.TOO_MANY_TOKENS
    improbable = draft.mean_log_probability < guard.log_probability
    silent = draft.no_speech_probability > guard.no_speech
    if silent and (improbable or guard.speech_certain):
        return DropReason.IMPROBABLE_SPEECH
    return DropReason.LOW_PROBABILITY if improbable else None


def compression_ratio(text: str) -> float:
    """Return the zlib compression ratio of the text; natural speech stays below 2.4."""
    raw = text.strip().encode()
    return len(raw) / len(zlib.compress(raw))


def loops(tokens: Sequence[int], longest: int = 16) -> bool:
    """Tell whether a run of tokens repeats immediately: 8 times for one token, 5 for two, 4 for longer runs."""
    for size in range(1, longest + 1):
        wanted = {1: 8, 2: 5}.get(size, 4)
        if _repeats(tokens, size) >= wanted:
            return True
    return False


def _repeats(tokens: Sequence[int], size: int) -> int:
    """Return how often a run of `size` tokens follows itself at most, counting the first."""
    best = matched = 0
    for here, there in zip(tokens, tokens[size:], strict=False):
        matched = matched + 1 if here == there else 0
        best = max(best, matched)
    return best // size + 1

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
    """Limits of a draft; a draft beyond any limit is suspect."""

    compression: float = 2.4
    log_probability: float = -1.0
    no_speech: float = 0.6
    tokens_per_second: float = 7.0
    spare_tokens: int = 14

    def token_cap(self, seconds: float, density: float = 1.0) -> int:
        """Return how many tokens `seconds` of speech can hold; `density` is tokens relative to English."""
        return int(self.tokens_per_second * density * seconds) + self.spare_tokens


ACCEPTED_AT_LAST = Guard(compression=2.4, log_probability=-1.4, no_speech=0.6)


def judge(draft: Draft, guard: Guard, limit: int | None = None) -> DropReason | None:
    """Return why the draft is suspect, or None if it is sound; it may hold `limit` tokens."""
    if not draft.text.strip():
        return DropReason.NO_TEXT
    if loops(draft.tokens) or compression_ratio(draft.text) > guard.compression:
        return DropReason.REPETITION
    if draft.capped or (limit is not None and len(draft.tokens) > limit):
        return DropReason.TOO_MANY_TOKENS
    if draft.mean_log_probability < guard.log_probability:
        improbable = draft.no_speech_probability > guard.no_speech
        return DropReason.IMPROBABLE_SPEECH if improbable else DropReason.LOW_PROBABILITY
    return None


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

"""Judge a model's two modes by word errors."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from locution_asr.qualification.recordings import Referenced
from locution_asr.qualification.scoring import Score, pooled, score

FEWEST_WORDS = 100
MOST_LOSS = 0.005

DESTROYED_LOSS = 0.15
DESTROYED_WORDS = 4
"""A text is destroyed if it has more errors than another one by more than this share of the words, and this number."""


class TooFewWords(Exception):
    """No group of recordings holds enough words for a qualification."""


@dataclass(frozen=True, slots=True)
class Pool:
    """The errors of both modes on recordings that are judged together."""

    name: str
    accurate: Score
    fast: Score

    @property
    def loss(self) -> float:
        """Return what FAST loses, as a share of the reference's words; negative if it is better."""
        return self.fast.rate - self.accurate.rate

    def describe(self) -> str:
        """Describe it in one line."""
        return (
            f"{self.name}: ACCURATE {self.accurate.rate:.2%}, FAST {self.fast.rate:.2%}, "
            f"loss {100 * self.loss:+.2f} points on {self.accurate.words} words"
        )


@dataclass(frozen=True, slots=True)
class Qualification:
    """The measurement of a model; the figures are those of the group that loses most.

    `destroyed` names the recordings whose text FAST destroys, compared with ACCURATE or with sequential decoding.
    `min_encoder_input` is the shortest audio, in seconds, that FAST padded a window to for the encoder.
    """

    model: str
    checksum: str
    pools: tuple[Pool, ...]
    destroyed: tuple[str, ...]
    run_time: datetime
    min_encoder_input: float

    @property
    def worst(self) -> Pool:
        """Return the group that decides."""
        return max(self.pools, key=lambda pool: pool.loss)

    @property
    def accurate_word_error_rate(self) -> float:
        """Return the rate of ACCURATE, from 0."""
        return self.worst.accurate.rate

    @property
    def fast_word_error_rate(self) -> float:
        """Return the rate of FAST, from 0."""
        return self.worst.fast.rate

    @property
    def word_count(self) -> int:
        """Return the number of reference words compared."""
        return self.worst.accurate.words

    @property
    def passes(self) -> bool:
        """Tell whether FAST loses at most half a point and destroys no recording."""
        return round(self.worst.loss, 6) <= MOST_LOSS and not self.destroyed

    def to_json(self) -> dict[str, Any]:
        """Return it in the form of the file."""
        return {
            "model": self.model,
            "checksum": self.checksum,
            "accurate_word_error_rate": round(self.accurate_word_error_rate, 6),
            "fast_word_error_rate": round(self.fast_word_error_rate, 6),
            "word_count": self.word_count,
            "destroyed_recording_count": len(self.destroyed),
            "destroyed": list(self.destroyed),
            "min_encoder_input": self.min_encoder_input,
            "run_time": self.run_time.isoformat(timespec="seconds"),
            "pools": [pool.describe() for pool in self.pools],
        }


def judge(
    model: str,
    checksum: str,
    recordings: Sequence[Referenced],
    accurate: Sequence[str],
    fast: Sequence[str],
    sequential: Sequence[str],
    min_encoder_input: float,
) -> Qualification:
    """Judge English and all other languages separately, and each text on its own.

    All sequences have one entry for each shift of each recording. A group with fewer than a hundred words is ignored.
    Raises TooFewWords if that leaves none.
    """
    rows = list(zip(recordings, accurate, fast, strict=True))
    named: Mapping[str, list[tuple[Referenced, str, str]]] = {
        "English": [row for row in rows if row[0].language.startswith("en")],
        "others": [row for row in rows if not row[0].language.startswith("en")],
    }
    pools = tuple(pool for name, group in named.items() if (pool := _pool(name, group)).accurate.words >= FEWEST_WORDS)
    if not pools:
        raise TooFewWords(
            f"a qualification needs {FEWEST_WORDS} words of reference in English or in the other languages"
        )
    texts = zip(recordings, accurate, fast, sequential, strict=True)
    destroyed = dict.fromkeys(item.name for item, *read in texts if destroys(item, *read))
    return Qualification(model, checksum, pools, tuple(destroyed), datetime.now(UTC), min_encoder_input)


def destroys(recording: Referenced, accurate: str, fast: str, sequential: str) -> bool:
    """Tell whether FAST destroyed a text."""
    wrong, least, other = (score(recording.text, text, recording.language) for text in (fast, accurate, sequential))
    more = wrong.errors - min(least.errors, other.errors)
    return more > max(DESTROYED_WORDS, DESTROYED_LOSS * wrong.words)


def dump(qualification: Qualification) -> str:
    """Return the file's text."""
    return json.dumps(qualification.to_json(), indent=2) + "\n"


def _pool(name: str, rows: Sequence[tuple[Referenced, str, str]]) -> Pool:
    return Pool(
        name,
        pooled(score(recording.text, text, recording.language) for recording, text, _ in rows),
        pooled(score(recording.text, text, recording.language) for recording, _, text in rows),
    )

"""Judge texts of the field: invented runs, repeated runs, lost words. Shares nothing with the guards of asr."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import jiwer

from tests.bench.scoring import Errors, errors, pooled, units

RUN = 4
"""Words in a row from which a run counts as repeated or invented."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One utterance: errors, runs of four words said more often than expected, words inserted in one place at most."""

    name: str
    errors: Errors
    repeated: int
    inserted: int

    @property
    def disaster(self) -> bool:
        """Tell whether a reader would see text that nobody said."""
        return bool(self.repeated) or self.inserted >= RUN


def judge(name: str, expected: str, found: str) -> Judged:
    """Compare an English text with its reference, or with that of a sequential decoder."""
    return Judged(
        name, errors(expected, found, "en"), repeated_runs(expected, found), longest_insertion(expected, found)
    )


def repeated_runs(expected: str, found: str) -> int:
    """Count the runs of four words that occur at least twice, and more often than in the expected text."""
    wanted, said = (Counter(_runs(units(text, "en"))) for text in (expected, found))
    return sum(1 for run, count in said.items() if count > max(1, wanted[run]))


def longest_insertion(expected: str, found: str) -> int:
    """Return the most words inserted in one place."""
    wanted, said = units(expected, "en"), units(found, "en")
    if not wanted or not said:
        return len(said)
    [chunks] = jiwer.process_words(" ".join(wanted), " ".join(said)).alignments
    return max((chunk.hyp_end_idx - chunk.hyp_start_idx for chunk in chunks if chunk.type == "insert"), default=0)


def total(judged: Sequence[Judged]) -> Errors:
    """Add up the errors."""
    return pooled(each.errors for each in judged)


def _runs(words: Sequence[str]) -> list[tuple[str, ...]]:
    return [tuple(words[at : at + RUN]) for at in range(len(words) - RUN + 1)]

"""Count word errors without additional packages."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from locution_speech.languages import space

_BRACKETED = re.compile(r"[<\[][^>\]]*[>\]]|\([^)]*\)")


@dataclass(frozen=True, slots=True)
class Score:
    """Errors against a number of reference words."""

    errors: int = 0
    words: int = 0

    @property
    def rate(self) -> float:
        """Return the word error rate, from 0."""
        return self.errors / self.words if self.words else 0.0


def score(reference: str, found: str, language: str) -> Score:
    """Compare a text with its reference."""
    wanted = units(reference, language)
    return Score(distance(wanted, units(found, language)), len(wanted))


def pooled(scores: Iterable[Score]) -> Score:
    """Return the sum of several recordings' errors and words."""
    every = list(scores)
    return Score(sum(each.errors for each in every), sum(each.words for each in every))


def units(text: str, language: str) -> list[str]:
    """Return a text's words in lower case, without punctuation, marks and text in brackets.

    This is the basic normalisation of the Whisper paper (Radford et al. 2022, appendix C). Scripts that do not separate
    words are counted by characters.
    """
    plain = unicodedata.normalize("NFKC", _BRACKETED.sub("", text.lower()))
    kept = "".join(" " if unicodedata.category(letter)[0] in "MSP" else letter for letter in plain)
    return list("".join(kept.split())) if not space(language) else kept.split()


def distance(wanted: Sequence[str], found: Sequence[str]) -> int:
    """Return the least number of words to substitute, delete and insert (Levenshtein 1966)."""
    codes = {word: code for code, word in enumerate({*wanted, *found})}
    target = np.array([codes[word] for word in found], np.int64)
    steps = np.arange(len(found) + 1)
    row = steps.copy()
    for word in wanted:
        changed = np.minimum(row[1:] + 1, row[:-1] + (target != codes[word]))
        row = np.concatenate([[row[0] + 1], changed])
        row = np.minimum.accumulate(row - steps) + steps
    return int(row[-1])

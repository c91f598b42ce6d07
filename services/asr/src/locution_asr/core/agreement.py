"""Confirm words on which two consecutive interim decodes agree.

This is LocalAgreement-2 (Liu et al. 2020; Macháček et al. 2023).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import replace

from locution_speech.clock import samples
from locution_speech.transcript import Word

EARLY = samples(0.1)
OVERLAP_WORDS = 5
OVERLAP_REACH = samples(1.0)


class Agreement:
    """The confirmed words of a window, and the words of the last interim decode after them."""

    def __init__(self, confirmed: Sequence[Word] = ()) -> None:
        self._confirmed = list(confirmed)
        self._pending: list[Word] = []

    @property
    def confirmed(self) -> tuple[Word, ...]:
        """Return the words on which two interim decodes agreed, in order."""
        return tuple(self._confirmed)

    @property
    def pending(self) -> tuple[Word, ...]:
        """Return the words that only the last interim decode gave."""
        return tuple(self._pending)

    def take(self, words: Sequence[Word]) -> None:
        """Add the words of an interim decode, and confirm its first words that the previous one gave too."""
        fresh = self._fresh(words)
        agreed = 0
        for old, new in zip(self._pending, fresh, strict=False):
            if plain(old.text) != plain(new.text):
                break
            agreed += 1
        self._confirmed += fresh[:agreed]
        self._pending = fresh[agreed:]

    def settle(self, end: int) -> None:
        """Confirm all words of the last interim decode, because the speech ended before sample `end`."""
        self._confirmed = [_before(word, end) for word in [*self._confirmed, *self._pending]]
        self._pending = []

    def cut(self, sample: int) -> None:
        """Confirm the words that begin before a sample, because another window holds the speech behind it."""
        self._confirmed += [word for word in self._pending if word.start < sample]
        self._pending = [word for word in self._pending if word.start >= sample]

    def drop(self) -> None:
        """Drop the words that are not confirmed, because there was no speech."""
        self._pending = []

    def behind(self, sample: int) -> Agreement:
        """Return the agreement on the words that begin at or after a sample."""
        later = Agreement([word for word in self._confirmed if word.start >= sample])
        later._pending = [word for word in self._pending if word.start >= sample]
        return later

    def _fresh(self, words: Sequence[Word]) -> list[Word]:
        """Return the words after the confirmed ones, dropping those that an interim decode repeats at its start."""
        if not self._confirmed:
            return list(words)
        end = self._confirmed[-1].end
        later = [word for word in words if word.start > end - EARLY]
        if not later or later[0].start - end > OVERLAP_REACH:
            return later
        for count in range(min(OVERLAP_WORDS, len(self._confirmed), len(later)), 0, -1):
            if [plain(word.text) for word in self._confirmed[-count:]] == [plain(word.text) for word in later[:count]]:
                return later[count:]
        return later


def _before(word: Word, end: int) -> Word:
    """Return a word that lies before `end`; the aligner may have stretched it into the silence."""
    return word if word.end <= end else replace(word, start=min(word.start, end - 1), end=end)


def plain(text: str) -> str:
    """Return a word without case and punctuation, or the text itself if nothing else is left."""
    kept = "".join(letter for letter in text.casefold() if unicodedata.category(letter)[0] in "LNM")
    return kept or text.strip()

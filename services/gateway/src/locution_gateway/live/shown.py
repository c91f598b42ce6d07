"""What a client sees as confirmed behind the last final: it stays when another engine takes over."""

from __future__ import annotations

from collections.abc import Sequence

from locution_speech.transcript import Word


class Shown:
    """The confirmed words that a client sees. An engine that takes over has to reach them before its text is shown."""

    def __init__(self) -> None:
        self._words: tuple[Word, ...] = ()
        self._held = False

    def hold(self) -> None:
        """Hold what is shown, because another engine begins anew."""
        self._held = True

    def replace(self, confirmed: Sequence[Word]) -> bool:
        """Show these words; return False if they do not reach as far as those that are held."""
        if self._held and self._words and (not confirmed or confirmed[-1].end < self._words[-1].end):
            return False
        self._words, self._held = tuple(confirmed), False
        return True

    def final(self, end: int) -> None:
        """Drop what a final up to a sample covers."""
        self._words = tuple(word for word in self._words if word.start >= end)

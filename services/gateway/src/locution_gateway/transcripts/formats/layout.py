"""How subtitles look: the presets, whose values docs/guides/subtitles.md shows as a table."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final
from unicodedata import east_asian_width

from locution_speech.clock import samples


class SpeakerStyle(Enum):
    """How cues show who speaks."""

    NONE = auto()
    PREFIX = auto()
    VOICE = auto()
    DASHES = auto()


@dataclass(frozen=True, slots=True)
class Layout:
    """The limits of a cue: characters a line, those of wide scripts, lines, and samples from start to end.

    `speakers` is None for the format's own style. `reading_speed` asks for a note on each cue.
    """

    width: int = 42
    wide_width: int = 16
    lines: int = 2
    longest: int = samples(7)
    speakers: SpeakerStyle | None = None
    reading_speed: bool = False

    def width_of(self, text: str) -> int:
        """Return the characters of a line of text like this: it is wide from a quarter of wide letters on."""
        letters = [letter for letter in text if letter.isalnum()]
        wide = sum(east_asian_width(letter) in "WF" for letter in letters)
        return self.wide_width if wide and 4 * wide >= len(letters) else self.width


BROADCAST: Final = Layout()
TELETEXT: Final = Layout(width=37, speakers=SpeakerStyle.DASHES)
VERTICAL: Final = Layout(width=24, wide_width=12, longest=samples(3), speakers=SpeakerStyle.NONE)

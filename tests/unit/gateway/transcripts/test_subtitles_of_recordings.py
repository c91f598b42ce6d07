"""The reference text of every recording becomes cues that keep every limit, however fast it is spoken."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import pytest
from locution_gateway.transcripts.formats.cutting import SHORTEST
from locution_gateway.transcripts.formats.layout import BROADCAST, TELETEXT, VERTICAL, Layout
from locution_speech.clock import samples
from locution_speech.languages import ends_sentence
from locution_speech.transcript import Segment, Word, text_of

from tests.bench.recordings import Recording, referenced
from tests.bench.scoring import BY_CHARACTER
from tests.support import subtitles, testdata


def texts() -> list[Recording]:
    testdata.folder()
    return referenced()


def spoken(found: Recording, seed: int) -> Iterator[Segment]:
    """Yield the reference in sentences; words last by their letters, pauses follow marks, all within its seconds."""
    chance = random.Random(f"{found.name} {seed}")
    wide = found.language in BY_CHARACTER
    parts = re.findall(r"\w[^\w\s]*|[^\w\s]+", found.text) if wide else found.text.split()
    lasting = [chance.uniform(0.5, 2.0) * (len(part) + 1) for part in parts]
    pauses = [chance.choice([0.0, 2.0, 10.0]) if part[-1] in ".,;:!?。、，" else 0.0 for part in parts]
    pace = samples(found.seconds) / sum(lasting + pauses)
    words, at = [], 0.0
    for part, length, pause in zip(parts, lasting, pauses, strict=True):
        words.append(Word(int(at), int(at + length * pace), part, 0.9, spaced=not wide))
        at += (length + pause) * pace
        if ends_sentence(part):
            yield segment(words, found.language)
            words = []
    if words:
        yield segment(words, found.language)


def segment(words: list[Word], language: str) -> Segment:
    return Segment(words[0].start, words[-1].end, text_of(words), tuple(words), language=language)


def test_the_limits_are_those_of_the_code() -> None:
    assert samples(subtitles.SHORTEST / 1000) <= SHORTEST <= samples((subtitles.SHORTEST + 1) / 1000)


@pytest.mark.parametrize("layout", [BROADCAST, TELETEXT, VERTICAL], ids=["broadcast", "teletext", "vertical"])
@pytest.mark.parametrize("seed", range(3))
async def test_every_cue_of_every_recording_keeps_the_limits(layout: Layout, seed: int) -> None:
    for found in texts():
        said = list(spoken(found, seed))
        shown = await subtitles.cut(said, layout, samples(found.seconds))
        assert list(subtitles.broken(shown, layout)) == [], found.name
        assert _letters("".join(line for cue in shown for line in cue.lines)) == _letters(found.text), found.name


def _letters(text: str) -> str:
    return "".join(letter for letter in text if letter.isalnum())

"""How sure the speaker of a word is: by the turns around it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from locution_gateway.pipeline.speakers import assign
from locution_gateway.transcripts.codec import SEGMENT
from locution_speech.clock import samples
from locution_speech.speakers import Turn
from locution_speech.transcript import Segment, Word

ONE_AFTER_THE_OTHER = [(0.0, 5.0, "A"), (5.0, 10.0, "B")]
AT_ONCE = [(0.0, 6.0, "A"), (4.0, 10.0, "B")]
APART = [(0.0, 1.0, "A"), (4.0, 5.0, "B")]


def turns(spans: Sequence[tuple[float, float, str]]) -> list[Turn[str]]:
    return [Turn(samples(start), samples(end), speaker) for start, end, speaker in spans]


def words(*spans: tuple[float, float], text: str = "so") -> Segment:
    found = tuple(Word(samples(start), samples(end), text) for start, end in spans)
    return Segment(found[0].start, found[-1].end, "so", found)


@pytest.mark.parametrize(
    ("spans", "word", "speaker", "expected"),
    [
        pytest.param(ONE_AFTER_THE_OTHER, (2.0, 2.5), "A", 1.0, id="inside one turn"),
        pytest.param(ONE_AFTER_THE_OTHER, (4.25, 4.75), "A", 1.0, id="as far from the change as the margin"),
        pytest.param(ONE_AFTER_THE_OTHER, (4.5, 5.0), "A", 0.75, id="up to the change"),
        pytest.param(ONE_AFTER_THE_OTHER, (4.7, 5.2), "A", 0.55, id="over the change"),
        pytest.param(ONE_AFTER_THE_OTHER, (4.75, 5.25), "A", 0.5, id="in the middle of two"),
        pytest.param(ONE_AFTER_THE_OTHER, (4.95, 5.45), "B", 0.7, id="begun before the change"),
        pytest.param(AT_ONCE, (4.75, 5.25), "A", 0.5, id="two at once"),
        pytest.param(AT_ONCE, (5.5, 6.0), "A", 0.429, id="to the end of one of two at once"),
        pytest.param([(0.0, 9.0, name) for name in "ABC"], (3.0, 3.5), "A", 0.333, id="three at once"),
        pytest.param(APART, (0.8, 1.4), "A", 1.0, id="beyond the end of a turn"),
        pytest.param(APART, (1.5, 1.75), "A", 0.75, id="half a second from the nearest"),
        pytest.param(APART, (2.0, 3.0), "A", 0.25, id="a second from both"),
        pytest.param(APART, (2.1, 2.95), "B", 0.264, id="a little nearer to one of two"),
        pytest.param(APART, (6.0, 6.5), "B", 0.5, id="a second behind the last"),
        pytest.param(APART, (7.0, 7.5), "B", 0.0, id="two seconds behind the last"),
        pytest.param(APART, (9.0, 9.5), "B", 0.0, id="far behind the last"),
        pytest.param([(4.0, 5.0, "A")], (1.0, 3.0), "A", 0.5, id="a second before the first"),
    ],
)
def test_a_word_says_how_sure_its_speaker_is(
    spans: list[tuple[float, float, str]], word: tuple[float, float], speaker: str, expected: float
) -> None:
    [part] = assign([words(word)], turns(spans))
    assert (part.words[0].speaker, part.words[0].speaker_confidence) == (speaker, expected)


def test_a_word_that_follows_its_sentence_against_the_turns_is_not_sure() -> None:
    sentence = words((0.0, 1.0), (1.0, 2.0), (2.0, 3.0), (3.0, 4.0))
    [part] = assign([sentence], turns([(0.0, 3.0, "A"), (3.0, 9.0, "B")]))
    assert [(word.speaker, word.speaker_confidence) for word in part.words] == [
        ("A", 1.0), ("A", 1.0), ("A", 0.833), ("A", 0.167),
    ]  # fmt: skip


def test_a_word_without_length_takes_the_turns_around_it() -> None:
    [part] = assign([words((5.0, 5.0))], turns(ONE_AFTER_THE_OTHER))
    assert (part.words[0].speaker, part.words[0].speaker_confidence) == ("A", 0.5)


def test_without_turns_nothing_is_said() -> None:
    [part] = assign([words((1.0, 2.0))], [])
    assert (part.words[0].speaker, part.words[0].speaker_confidence) == (None, None)


def test_stored_segments_keep_it_and_older_ones_lack_it() -> None:
    [part] = assign([words((4.5, 5.0))], turns(ONE_AFTER_THE_OTHER))
    stored = SEGMENT.dump(part)
    assert SEGMENT.load(stored) == part
    del stored["words"][0]["speaker_confidence"]
    [word] = SEGMENT.load(stored).words
    assert word == replace(part.words[0], speaker_confidence=None)

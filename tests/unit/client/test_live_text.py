"""Live text on the screen: joined as its language writes, and never less than was confirmed."""

from __future__ import annotations

import pytest
from locution.v1 import live_service_pb2 as pb
from locution_client.cli.commands.live import Screen, partial_text, spoken_lines

Spoken = tuple[str, str]
"""A word with its leading space, and its speaker."""

HYPHENS: list[Spoken] = [(" a", "A"), (" cold", "A"), ("-hearted", "A"), (" real", "B"), ("-time", "B"), (" man", "B")]
CHINESE: list[Spoken] = [
    ("今", "A"),
    ("天", "A"),
    (" GPU", "A"),
    ("很", "A"),
    ("快。", "A"),
    ("是", "B"),
    ("的。", "B"),
]
JAPANESE: list[Spoken] = [("今日", "A"), ("は", "A"), ("良い", "A"), ("天気", "A"), ("です。", "A"), ("はい。", "B")]


def words(spoken: list[Spoken]) -> list[pb.LiveWord]:
    return [
        pb.LiveWord(text=text.strip(), speaker=speaker, joined=not text.startswith(" ")) for text, speaker in spoken
    ]


@pytest.mark.parametrize(
    ("spoken", "lines"),
    [
        (HYPHENS, ["A: a cold-hearted", "B: real-time man"]),
        (CHINESE, ["A: 今天 GPU很快。", "B: 是的。"]),
        (JAPANESE, ["A: 今日は良い天気です。", "B: はい。"]),
    ],
)
def test_turns_are_written_as_their_language_writes(spoken: list[Spoken], lines: list[str]) -> None:
    text = "".join(text for text, _ in spoken).strip()
    assert spoken_lines(pb.StreamFinal(text=text, words=words(spoken))) == lines


@pytest.mark.parametrize(
    ("spoken", "unstable", "shown"),
    [
        (HYPHENS[:2], "-hearted man", "a cold-hearted man"),
        (HYPHENS[:2], " man", "a cold man"),
        (CHINESE[:3], "很快", "今天 GPU很快"),
        ([], "今天", "今天"),
        ([], " a man", "a man"),
    ],
)
def test_a_partial_is_written_as_its_language_writes(spoken: list[Spoken], unstable: str, shown: str) -> None:
    partial = pb.StreamPartial(
        confirmed=words(spoken), unstable=unstable.strip(), unstable_joined=not unstable.startswith(" ")
    )
    assert partial_text(partial) == shown


def test_a_final_leaves_the_words_behind_it_on_the_screen(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen(terminal=True)
    screen.show(pb.StreamResponse(partial=pb.StreamPartial(confirmed=words(HYPHENS))))
    screen.show(pb.StreamResponse(final=pb.StreamFinal(id=1, text="A cold-hearted.")))
    screen.show(pb.StreamResponse(partial=pb.StreamPartial(confirmed=words(HYPHENS[3:]))))
    lines = capsys.readouterr().out.split("\n")
    assert [line.rpartition("\x1b[K")[2] for line in lines] == ["A cold-hearted.", "real-time man"]

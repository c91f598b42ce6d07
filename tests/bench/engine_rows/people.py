"""Who speaks, recording by recording: turns, people, words and overlap, beside the stock pyannote pipeline."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from locution_speech import wire
from locution_speech.transcript import Segment
from pyannote.core import Annotation

from tests.bench.command import say
from tests.bench.engine_client import Speech
from tests.bench.engine_rows.bench import Bench, in_thread
from tests.bench.people import excerpt, meeting, reading
from tests.bench.recipes import Conversation, reference_turns, sections
from tests.bench.recordings import RATE, WHEEL, Pcm, pcm, recording, with_turns
from tests.bench.scoring import Judged, confusion, judged, overlap
from tests.bench.table import Row

AIM: Final = "≤ +5 points"
MODEL: Final = "base"
ALONE: Final = ("address.mp3", "sonnet3.mp3", "jfk.wav")
SURE: Final = 0.75
"""Speaker confidence from which on a word counts as sure."""


async def speakers(bench: Bench) -> list[Row]:
    """Compare DER, people, words and overlap on each recording with turns, and on one, six and eight people, and 5 s."""
    speech, client, stock = await bench.speech(MODEL), await bench.speakers(), bench.stock()
    rows, words = [], list[Judged]()
    for name, case in list(_cases())[-1:] if bench.small else _cases():
        theirs = await in_thread(partial(stock.diarize, case.audio))
        ours = await client.diarize(sections(case.audio))
        text = await _text(speech, case.audio)
        mine, other = (judged(text, case.turns, found) for found in (ours, theirs))
        words += mine
        rows.append(_row(name, case, (ours, mine), (theirs, other)))
        say(f"{name}: {rows[-1].ours}; pyannote {rows[-1].baseline}")
    return [*rows, _confidence(words)]


def _cases() -> Iterator[tuple[str, Conversation]]:
    for found in with_turns():
        yield found.name, Conversation(pcm(found), reference_turns(found))
    for name in ALONE:
        yield f"{name}, one person", reading(pcm(recording(name)))
    for count in (6, 8):
        for seed in (1, 2):
            yield f"{count} people, seed {seed}", meeting(count, seed=seed)
        yield f"{count} people, some at once, seed 3", meeting(count, seed=3, at_once=True)
    conversation = recording(f"{WHEEL}sample.wav")
    talk = Conversation(pcm(conversation), reference_turns(conversation))
    for start in (7.0, 12.5, 24.5):
        yield f"{conversation.name}, 5 s from {start:g} s", excerpt(talk, start, 5.0)
    yield "jfk.wav, its first 5 s", reading(pcm(recording("jfk.wav"))[: 5 * RATE])


async def _text(speech: Speech, audio: Pcm) -> list[Segment]:
    """Return the segments of a recording, on its own time line."""
    cut = sections(audio)
    heard, segments, offset = await speech.all(cut, "en"), list[Segment](), 0
    for part, found in zip(cut, heard, strict=True):
        segments += [wire.segment_from_proto(segment).moved(offset) for segment in found.segments]
        offset += len(part)
    return segments


def _row(
    name: str,
    case: Conversation,
    ours: tuple[Annotation, Sequence[Judged]],
    theirs: tuple[Annotation, Sequence[Judged]],
) -> Row:
    mine, other = (_rate(case, found) for found, _ in (ours, theirs))
    return Row(
        what=f"speakers, {name} ({len(case.audio) / RATE:.0f} s; {_people(case.turns)}; "
        f"{overlap(case.turns, case.turns):.1f} s at once)",
        aim=AIM,
        measured=f"DER {100 * (mine - other):+.1f} points",
        ours=_figures(case, *ours),
        baseline=_figures(case, *theirs),
    )


def _rate(case: Conversation, found: Annotation) -> float:
    return confusion(case.turns, found, len(case.audio) / RATE).rate


def _figures(case: Conversation, found: Annotation, words: Sequence[Judged]) -> str:
    shared = overlap(case.turns, found)
    return f"DER {_rate(case, found):.1%}, {_people(found)}, words {_wrong(words)}, overlap {shared:.1f} s found"


def _people(turns: Annotation) -> str:
    count = len(turns.labels())
    return f"{count} speaker{'' if count == 1 else 's'}"


def _wrong(words: Sequence[Judged]) -> str:
    wrong = sum(word.wrong for word in words)
    return f"{wrong} of {len(words)} wrong" + (f" ({wrong / len(words):.1%})" if words else "")


def _confidence(words: Sequence[Judged]) -> Row:
    sure = [word for word in words if word.confidence >= SURE]
    unsure = [word for word in words if word.confidence < SURE]
    return Row(
        what=f"words with the wrong speaker, by speaker confidence from {SURE:g} on and below",
        aim="sure words fewer",
        measured=f"{_wrong(sure)}, below {_wrong(unsure)}",
        ours=f"all {_wrong(words)}",
        remarks="recordings of the rows above",
    )

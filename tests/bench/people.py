"""Recordings of a known number of people, by recipe: utterances of different people spliced, or one person reading.

Who speaks is known. When is measured by level: quiet pauses of half a second and more are no speech.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from pyannote.core import Segment

from tests.bench.recipes import GAP_SECONDS, NOISE_FLOOR, Conversation
from tests.bench.recordings import RATE, TESTDATA, MissingInput, Pcm, decoded
from tests.bench.scoring import annotation

SECONDS_A_TURN = (4.0, 9.0)
SECONDS_AT_ONCE = (0.5, 1.5)
QUIET = 35.0
"""Decibels below the loudest frame, from which on a frame is no speech."""

FRAME = RATE // 50
PAUSE = 0.5


def meeting(people: int, *, rounds: int = 2, seed: int, at_once: bool = False) -> Conversation:
    """Return so many people of LibriSpeech, each with a turn of up to 9 s in every round, in seeded order.

    Short pauses lie between turns. With `at_once`, every other turn on average begins before the last one ends.
    """
    choice, voices = random.Random(seed), _utterances()
    chosen = choice.sample(sorted(voices), people)
    audio, turns, end = np.zeros(0), list[tuple[float, float, str]](), 0
    for person in _order(choice, chosen, rounds):
        piece = _piece(choice, decoded(choice.choice(voices[person])))
        early = at_once and end > 0 and choice.random() < 0.5
        begin = end - _samples(choice, SECONDS_AT_ONCE) if early else end + _samples(choice, GAP_SECONDS)
        end = begin + len(piece)
        audio = np.pad(audio, (0, max(0, end - len(audio))))
        audio[begin:end] += piece
        turns += [(begin / RATE + start, begin / RATE + stop, person) for start, stop in spoken(piece)]
    noise = np.random.default_rng(seed).normal(0, NOISE_FLOOR, len(audio))
    return Conversation(np.clip(np.rint(audio + noise), -32768, 32767).astype(np.int16), annotation(turns))


def reading(audio: Pcm) -> Conversation:
    """Return the recording of one person with its turns."""
    return Conversation(audio, annotation([(start, stop, "reader") for start, stop in spoken(audio)]))


def excerpt(whole: Conversation, start: float, seconds: float) -> Conversation:
    """Cut out so many seconds, with their turns."""
    first, place = round(start * RATE), Segment(start, start + seconds)
    turns = [
        (segment.start - start, segment.end - start, str(label))
        for segment, _, label in whole.turns.crop(place).itertracks(yield_label=True)
    ]
    return Conversation(whole.audio[first : first + round(seconds * RATE)], annotation(turns))


def spoken(audio: Pcm) -> list[tuple[float, float]]:
    """Return where a recording of one person is not quiet, in seconds."""
    frames = audio[: len(audio) // FRAME * FRAME].astype(float).reshape(-1, FRAME)
    level = 10 * np.log10(np.square(frames).mean(axis=1) + 1)
    runs: list[tuple[float, float]] = []
    for frame in np.flatnonzero(level > level.max(initial=0) - QUIET):
        start, stop = frame * FRAME / RATE, (frame + 1) * FRAME / RATE
        if runs and start - runs[-1][1] < PAUSE:
            runs[-1] = (runs[-1][0], stop)
        else:
            runs.append((start, stop))
    return runs


def _utterances() -> Mapping[str, Sequence[Path]]:
    """Return the utterances of LibriSpeech by who speaks, whose number their names begin with."""
    found: dict[str, list[Path]] = {}
    for path in sorted((TESTDATA / "utterances").glob("*.flac")):
        found.setdefault(path.name.partition("-")[0], []).append(path)
    if not found:
        raise MissingInput("the utterances are not here: set LOCUTION_TESTDATA to the folder of the test recordings")
    return found


def _order(choice: random.Random, people: Sequence[str], rounds: int) -> list[str]:
    """Return everybody once a round; nobody speaks twice in a row."""
    order: list[str] = []
    while len(order) < rounds * len(people):
        one = choice.sample(people, len(people))
        if not order or one[0] != order[-1]:
            order += one
    return order


def _piece(choice: random.Random, audio: Pcm) -> Pcm:
    length = _samples(choice, SECONDS_A_TURN)
    start = choice.randrange(max(1, len(audio) - length))
    return audio[start : start + length]


def _samples(choice: random.Random, bounds: tuple[float, float]) -> int:
    return round(choice.uniform(*bounds) * RATE)

"""How alike are the voices of one person, and of different people: what the threshold of recognition was chosen by.

    python -m tests.bench.voices

Each half of a recording is diarized and clustered on its own by the real diarizer, as two jobs would be.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from locution_gateway.pipeline.match_voices import LEAST_HEARD, THRESHOLD
from pyannote.core import Annotation, Segment

from tests.service.diarizer.client import Client, Joined
from tests.service.diarizer.conftest import serve_diarizer
from tests.service.diarizer.recordings import RATE, Pcm, conversation, meetings, reference
from tests.support import testdata

PURE = 0.75
LONGEST = 60 * RATE
THRESHOLDS = (0.3, 0.4, 0.5, THRESHOLD, 0.7)
ALONE = (
    *("address.mp3", "andiefreude.mp3", "simplicissimus_de.mp3", "sonnet1.webm", "sonnet3.mp3", "jfk.wav"),
    *("asterisk_en_demo-instruct.wav", "asterisk_ru_demo-instruct.wav", "asterisk_fr_demo-instruct.gsm"),
    *("asterisk_it_demo-congrats.wav", "cold_corpus.wav", "mls_es_13697_11991_000000.opus"),
    *("riva_en-US_sample.wav", "riva_de-DE_sample.wav", "riva_antiberta.wav"),
    *("leopard_test.wav", "leopard_test_es.wav", "leopard_test_fr.wav", "leopard_test_pt.wav"),
)
"""Recordings of one person."""
UNKNOWN = (("andiefreude", "simplicissimus"), ("leopard",), ("riva",), ("jfk", "address"))
"""Beginnings of the names of recordings of which nothing says whether their speakers are one person."""


@dataclass(frozen=True)
class Heard:
    """A speaker of half a recording, and who that is."""

    file: str
    half: int
    person: str
    samples: int
    embedding: Sequence[float]

    def like(self, other: Heard) -> float:
        """Return the cosine similarity."""
        one, two = np.array(self.embedding), np.array(other.embedding)
        return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))


async def main() -> None:
    """Measure and print."""
    async with serve_diarizer() as stack:
        heard = [speaker async for speaker in _all(stack.client)]
    for least in (RATE // 2, LEAST_HEARD):
        print(f"\nspeakers of {least / RATE:g} s and more")
        _report([speaker for speaker in heard if speaker.samples >= least])


async def _all(client: Client) -> AsyncIterator[Heard]:
    for path in (*meetings(), conversation()):
        pcm, turns = _read(path), reference(path)
        for half, (begin, end) in enumerate(_halves(pcm)):
            for speaker in _known(await _clustered(client, pcm[begin:end]), path.name, half, turns, begin):
                yield speaker
    for name in ALONE:
        pcm = _read(testdata.recording(name))[:LONGEST]
        for half, (begin, end) in enumerate(_halves(pcm)):
            found = await _clustered(client, pcm[begin:end], speaker_count=1)
            spoken = sum(turn.end_sample - turn.start_sample for turn in found.sections[0])
            for centroid in found.centroids:
                yield Heard(name, half, name, spoken, centroid.embedding)


async def _clustered(client: Client, pcm: Pcm, **hints: int) -> Joined:
    return await client.cluster([(await client.diarize(pcm)).section], **hints)


def _known(found: Joined, file: str, half: int, turns: Annotation, begin: int) -> Iterator[Heard]:
    """Give the speakers who are mostly one person by the reference."""
    for centroid in found.centroids:
        own = [turn for turn in found.sections[0] if turn.speaker == centroid.speaker]
        spoken = sum(turn.end_sample - turn.start_sample for turn in own)
        shares: dict[str, float] = {}
        for turn in own:
            place = Segment((begin + turn.start_sample) / RATE, (begin + turn.end_sample) / RATE)
            for segment, _, person in turns.itertracks(yield_label=True):
                shares[person] = shares.get(person, 0.0) + (segment & place).duration
        person = max(shares, key=shares.__getitem__, default="")
        if spoken and shares.get(person, 0.0) >= PURE * spoken / RATE:
            yield Heard(file, half, person, spoken, centroid.embedding)


def _report(heard: Sequence[Heard]) -> None:
    kinds: dict[tuple[bool, bool], list[float]] = {}
    for one, two in itertools.combinations(heard, 2):
        if (one.file, one.half) != (two.file, two.half) and (one.person == two.person or not _unknown(one, two)):
            kinds.setdefault((one.person == two.person, one.file == two.file), []).append(one.like(two))
    for (same, here), values in sorted(kinds.items(), reverse=True):
        who, where = "the same person" if same else "different people", "other half" if here else "another recording"
        print(
            f"{who}, {where}: {len(values)} pairs, {min(values):.2f} to {max(values):.2f}, median {np.median(values):.2f}"
        )
    alike, apart = (np.array(kinds.get((same, True), []) + kinds.get((same, False), [])) for same in (True, False))
    for limit in THRESHOLDS:
        missed, wrong = int((alike < limit).sum()), int((apart >= limit).sum())
        print(f"{limit:.2f}: {missed} of {len(alike)} missed, {wrong} of {len(apart)} false")


def _unknown(one: Heard, two: Heard) -> bool:
    return any(one.file.startswith(group) and two.file.startswith(group) for group in UNKNOWN)


def _halves(pcm: Pcm) -> tuple[tuple[int, int], tuple[int, int]]:
    return (0, len(pcm) // 2), (len(pcm) // 2, len(pcm))


def _read(path: Path) -> Pcm:
    """Decode to 16 kHz mono."""
    with av.open(str(path)) as media:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        parts = [part.to_ndarray()[0] for frame in media.decode(audio=0) for part in resampler.resample(frame)]
    return np.concatenate(parts).astype(np.int16)


if __name__ == "__main__":
    asyncio.run(main())

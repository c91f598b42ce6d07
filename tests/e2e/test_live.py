"""Live sessions through the whole stack: text while it is spoken, the file's text in the end, and every break survived."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jiwer
import pytest
from locution.v1 import live_service_pb2 as pb
from locution.v1.job_config_pb2 import DiarizationConfig
from locution_client import Client, Connection
from locution_client.live import Session
from whisper_normalizer.english import EnglishTextNormalizer

from tests.e2e.conftest import RATE, Installation

PIECE = RATE // 10 * 2
MODEL = "whisper/tiny.en"
PATIENCE = 240.0
"""Seconds without an answer that the client accepts: a busy machine may take minutes to start a gateway again."""
LARGEST_ERROR = 0.02

Strike = Callable[[Session], Awaitable[None]]


@dataclass
class Told:
    """What a session was told; every final once."""

    finals: dict[int, pb.StreamFinal] = field(default_factory=dict)
    partials: int = 0
    confirmed: int = 0
    done: pb.StreamDone = field(default_factory=pb.StreamDone)
    resumed: int = 0
    replaced: int = 0

    @property
    def text(self) -> str:
        return " ".join(self.finals[number].text for number in sorted(self.finals))

    def note(self, message: pb.StreamResponse) -> None:
        match message.WhichOneof("message"):
            case "partial":
                self.partials += 1
                self.confirmed = max(self.confirmed, len(message.partial.confirmed))
            case "final":
                assert message.final.id not in self.finals
                self.finals[message.final.id] = message.final
            case "speakers":
                self._label(message.speakers)
            case "notice":
                self.replaced += message.notice.kind == pb.StreamNotice.KIND_ENGINE_REPLACED
            case "done":
                self.done = message.done

    def _label(self, known: pb.StreamSpeakers) -> None:
        for word, speaker in zip(self.finals[known.final_id].words, known.speakers, strict=True):
            word.speaker = speaker


@pytest.fixture(scope="module")
def undisturbed(installation: Installation, pcm: bytes) -> Told:
    """The sample, spoken eight times as fast once a word was confirmed, with its speakers, and kept as a job."""
    kept: dict[str, Any] = {"afterwards": pb.LiveConfig.AFTERWARDS_JOB, "diarization": DiarizationConfig(enabled=True)}
    return asyncio.run(talk(installation, pcm, speed=8, patient=True, **kept))


async def talk(
    installation: Installation,
    pcm: bytes,
    *,
    speed: float,
    strike: Strike | None = None,
    patient: bool = False,
    **wanted: Any,
) -> Told:
    """Stream the sample; `strike` falls once half of it was sent. `patient` waits for the first confirmed word."""
    config = pb.LiveConfig(
        encoding=pb.LiveConfig.ENCODING_PCM_S16LE,
        sample_rate_hertz=RATE,
        language="en",
        asr_model=MODEL,
        endpoint_mode=pb.LiveConfig.ENDPOINT_MODE_RECORDING,
        **wanted,
    )
    told, middle = Told(), asyncio.Event()
    async with Client(Connection(installation.address, installation.key)) as client:
        session = client.live.session(config, patience=PATIENCE)
        striking = asyncio.create_task(_after(middle, session, strike))
        async for message in session.run(spoken(pcm, lambda: 1.0 if patient and not told.confirmed else speed, middle)):
            told.note(message)
        await striking
    told.resumed = session.resumed
    return told


async def _after(middle: asyncio.Event, session: Session, strike: Strike | None) -> None:
    await middle.wait()
    if strike is not None:
        await strike(session)


async def spoken(pcm: bytes, speed: Callable[[], float], middle: asyncio.Event) -> AsyncIterator[bytes]:
    """Yield PCM `speed` times as fast as it was spoken."""
    for at in range(0, len(pcm), PIECE):
        await asyncio.sleep(PIECE / 2 / RATE / speed())
        yield pcm[at : at + PIECE]
        if at >= len(pcm) // 2:
            middle.set()


def error_rate(reference: str, text: str) -> float:
    """Return the WER between two texts."""
    normal = EnglishTextNormalizer()
    rate = float(jiwer.wer(normal(reference), normal(text)))
    print(f"WER {rate:.4f}")
    return rate


def test_words_come_while_they_are_spoken_and_all_audio_is_heard(undisturbed: Told, pcm: bytes) -> None:
    assert undisturbed.partials >= 2  # how many more depends on how busy the machine is
    assert undisturbed.confirmed > 0
    assert sorted(undisturbed.finals) == list(range(1, undisturbed.done.final_count + 1))
    assert undisturbed.done.audio_duration.ToTimedelta().total_seconds() == pytest.approx(len(pcm) / 2 / RATE)


def test_finals_are_the_text_of_the_same_audio_as_a_file(installation: Installation, undisturbed: Told) -> None:
    job = undisturbed.done.job
    assert job
    installation.locution("jobs", "watch", job)
    text = installation.locution("jobs", "get", job, "--format", "txt").stdout
    file_text = " ".join(line.partition(": ")[2] or line for line in text.splitlines())
    assert error_rate(file_text, undisturbed.text) <= LARGEST_ERROR


def test_words_have_the_speakers_of_the_recording(undisturbed: Told, sample: Path) -> None:
    """Each turn of the reference is mostly one label's, and the two speakers have one each."""
    turns = [line.split() for line in sample.with_suffix(".rttm").read_text().splitlines()]
    spoken: dict[str, Counter[str]] = {turn[7]: Counter() for turn in turns}
    for word in (word for final in undisturbed.finals.values() for word in final.words):
        start, end = (at.ToTimedelta().total_seconds() for at in (word.start_offset, word.end_offset))
        middle = (start + end) / 2
        inside = {turn[7] for turn in turns if float(turn[3]) <= middle < float(turn[3]) + float(turn[4])}
        if len(inside) == 1:
            spoken[inside.pop()][word.speaker] += 1
    print(spoken)
    assert len({heard.most_common(1)[0][0] for heard in spoken.values()}) == len(spoken) == 2
    right = sum(heard.most_common(1)[0][1] for heard in spoken.values())
    assert right / sum(heard.total() for heard in spoken.values()) >= 0.85


async def test_a_dropped_client_goes_on(installation: Installation, undisturbed: Told, pcm: bytes) -> None:
    async def drop(session: Session) -> None:
        session.drop()

    told = await talk(installation, pcm, speed=8, strike=drop)
    assert told.resumed
    assert_nothing_lost(told, undisturbed)


async def test_speech_engines_that_are_killed_are_replaced(
    installation: Installation, undisturbed: Told, pcm: bytes
) -> None:
    async def kill(_: Session) -> None:
        for order in ("kill", "start"):
            for name in ("asr", "asr-2"):
                await asyncio.to_thread(installation.stack, order, name)

    told = await talk(installation, pcm, speed=4, strike=kill)
    assert told.replaced
    assert not told.resumed
    assert_nothing_lost(told, undisturbed)


async def test_a_gateway_that_is_killed_loses_nothing(
    installation: Installation, undisturbed: Told, pcm: bytes
) -> None:
    async def kill(_: Session) -> None:
        for order in ("kill", "start"):
            await asyncio.to_thread(installation.stack, order, "gateway")

    told = await talk(installation, pcm, speed=4, strike=kill)
    assert told.resumed
    assert_nothing_lost(told, undisturbed)


def assert_nothing_lost(told: Told, undisturbed: Told) -> None:
    """Fail unless a session was told the same finals about the same audio as an undisturbed one."""
    assert told.done.audio_duration == undisturbed.done.audio_duration
    texts = [{number: final.text for number, final in of.finals.items()} for of in (told, undisturbed)]
    assert texts[0] == texts[1]


def test_the_command_line_prints_the_finals(installation: Installation, sample: Path, undisturbed: Told) -> None:
    done = installation.locution("live", sample, "--asr-model", MODEL, "--language", "en", "--as-recording")
    assert done.stdout.split() == undisturbed.text.split()
    assert "\x1b" not in done.stdout

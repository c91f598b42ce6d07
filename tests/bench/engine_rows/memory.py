"""Memory of the engines: a long recording against a short one, each in a fresh process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

from locution.engine.v1 import diarizer_service_pb2 as dia

from tests.bench.command import say
from tests.bench.engine_client import AT_ONCE, Speakers, Speech
from tests.bench.engine_rows.bench import Bench
from tests.bench.processes import mebibytes, peak_resident
from tests.bench.recipes import long_conversation, long_speech, looped, sections
from tests.bench.recordings import RATE, Pcm
from tests.bench.table import Row

AIM = "≤ 1.2"
LOOP_SECONDS = 1200.0
MODEL = "tiny.en"

Work = Callable[[float], Awaitable[None]]


async def memory_asr(bench: Bench) -> list[Row]:
    """Compare the peak memory of asr."""
    loop = long_speech(bench.pick(20.0, LOOP_SECONDS))

    async def run(length: float) -> None:
        await _transcribe(await bench.fresh_speech(MODEL), loop, length)

    return [await _row(bench, "asr", f"asr, {MODEL}", run)]


async def memory_diarizer(bench: Bench) -> list[Row]:
    """Compare the peak memory of the diarizer, clustering included."""
    loop = long_conversation(bench.pick(20.0, LOOP_SECONDS)).audio

    async def run(length: float) -> None:
        await _diarize(await bench.speakers(), loop, length)

    return [await _row(bench, "diarizer", "diarizer", run)]


async def _row(bench: Bench, process: str, what: str, run: Work) -> Row:
    short, long = bench.pick((10.0, 40.0), (600.0, 10_800.0))
    peaks = []
    for length in (short, long):
        bench.installation.restart(process)
        await run(length)
        peaks.append(peak_resident(bench.installation.pid(process)))
        say(f"{what}: peak with {length / 60:.1f} minutes: {mebibytes(peaks[-1])}")
    return Row(
        what=f"peak resident memory, {long / 60:.1f} minutes against {short / 60:.1f}, {what}",
        aim=AIM,
        measured=f"{peaks[1] / peaks[0]:.2f}",
        ours=mebibytes(peaks[1]),
        baseline=f"the same with the short one: {mebibytes(peaks[0])}",
        remarks=f"fresh process each, at most {AT_ONCE} sections under way",
    )


async def _transcribe(speech: Speech, loop: Pcm, length: float) -> None:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(audio: Pcm) -> None:
        async with limit:
            await speech.transcribe(audio, "en")

    await asyncio.gather(*[one(audio) async for audio in _sections(loop, length)])


async def _diarize(speakers: Speakers, loop: Pcm, length: float) -> None:
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(audio: Pcm) -> dia.SectionSpeakers:
        async with limit:
            return await speakers.section(audio)

    await speakers.cluster(await asyncio.gather(*[one(audio) async for audio in _sections(loop, length)]))


async def _sections(loop: Pcm, length: float) -> AsyncIterator[Pcm]:
    """Yield the loop's sections over and over; they share its memory."""
    for turn in looped(loop, length):
        for section in sections(turn):
            if len(section) >= RATE:
                yield section

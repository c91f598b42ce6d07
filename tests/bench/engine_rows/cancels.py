"""Memory that cancelled streams leave behind: an engine against a bare echo server, cancelled in the same way."""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from statistics import median
from typing import Any, Final

import grpc

from tests.bench import echo
from tests.bench.command import say
from tests.bench.engine_client import speaker_requests, speech_requests, start_message
from tests.bench.engine_rows.bench import Bench, warm_up
from tests.bench.processes import resident
from tests.bench.recordings import RATE, ROOT, Pcm
from tests.bench.table import Row
from tests.support import processes

AIM: Final = "≤ the echo server's + 20 MB"
MEGABYTE: Final = 1_000_000
ALLOWED: Final = 20 * MEGABYTE
MODEL: Final = "tiny.en"
AT_ONCE: Final = 32
AUDIO_SECONDS: Final = 1.5
CONNECT_SECONDS: Final = 30.0
LONGEST_PAUSE: Final = 0.6
SETTLE_SECONDS: Final = 0.5
READINGS: Final = 9
"""Readings of memory at each look, some streams apart. Their median counts: protobuf makes the C library give memory back
to the system after every so many messages, and by that moment a single reading differs by tens of MB."""

TRANSCRIBE: Final = "/locution.engine.v1.AsrService/Transcribe"
DIARIZE: Final = "/locution.engine.v1.DiarizerService/Diarize"
WARM_UP_SHARE: Final = 10
"""One stream in so many more is cancelled before memory is first read: buffers of the greatest batches are there."""

LOOKS: Final = 4
"""Parts of the run after which memory is read, to see whether it grows on."""


class Moment(Enum):
    """When a stream is cancelled: before the first answer, within its audio, right behind it, or some time later."""

    START = 0
    AUDIO = 1
    QUEUED = 2
    DECODING = 3


@dataclass(slots=True)
class Side:
    """One server under test: its process, its method, what a stream sends, and how its streams ended."""

    pid: int
    method: str
    channel: grpc.aio.Channel
    messages: Sequence[bytes]
    ends: Counter[str] = field(default_factory=Counter)
    grown: list[int] = field(default_factory=list)

    async def grow(self, count: int) -> int:
        """Cancel a share of `count` streams to warm up, then `count`; return by how many bytes these grew memory."""
        apart = count // LOOKS // READINGS // 2
        await self._cancel(count // WARM_UP_SHARE)
        before = await self._resident(self.ends["CANCELLED"], apart)
        self.ends.clear()
        for part in range(1, LOOKS + 1):
            looked = count * part // LOOKS - READINGS * apart
            await self._cancel(looked)
            self.grown.append(await self._resident(looked, apart) - before)
            say(f"{self.method}: {self.ends['CANCELLED']} cancelled, grown by {megabytes(self.grown[-1])}")
        return self.grown[-1]

    async def _resident(self, cancelled: int, apart: int) -> int:
        """Return the median of readings, each after `apart` more streams than the `cancelled` ones."""
        readings = []
        for number in range(1, READINGS + 1):
            await self._cancel(cancelled + number * apart)
            await asyncio.sleep(SETTLE_SECONDS)
            readings.append(resident(self.pid))
        return round(median(readings))

    async def _cancel(self, total: int) -> None:
        """Go on until `total` streams were cancelled before they had ended."""
        seeds = iter(range(self.ends.total(), sys.maxsize))
        await asyncio.gather(*(self._streams(seeds, total) for _ in range(AT_ONCE)))

    async def _streams(self, seeds: Iterator[int], total: int) -> None:
        while self.ends["CANCELLED"] < total:
            seed = next(seeds)
            pause = random.Random(seed).uniform(0.0, LONGEST_PAUSE)
            self.ends[await self._one(Moment(seed % len(Moment)), pause)] += 1

    async def _one(self, moment: Moment, pause: float) -> str:
        """Run one stream up to its moment, cancel it, and return its status."""
        call: Any = self.channel.stream_stream(self.method)()
        with suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # it was refused, or over: its status tells
            await _until(call, self.messages, moment, pause)
        call.cancel()
        return str((await call.code()).name)


async def cancels(bench: Bench) -> list[Row]:
    """Compare the memory that 10,000 cancelled streams leave in asr with what they leave in an echo server."""
    client, audio = await bench.fresh_speech(MODEL), _audio()
    await asyncio.gather(*(client.transcribe(audio, "en") for _ in range(AT_ONCE)))
    requests = speech_requests(start_message(client.model, bench.mode, "en", "bench"), audio)
    return [await _row(bench, "asr", TRANSCRIBE, [request.SerializeToString() async for request in requests])]


async def cancels_diarizer(bench: Bench) -> list[Row]:
    """Compare the memory that 10,000 cancelled streams leave in the diarizer with what they leave in an echo server."""
    client, audio = await bench.speakers(), _audio()
    await asyncio.gather(*(client.section(audio) for _ in range(AT_ONCE)))
    requests = speaker_requests(client.model, audio)
    return [await _row(bench, "diarizer", DIARIZE, [request.SerializeToString() async for request in requests])]


def _audio() -> Pcm:
    return warm_up()[: round(AUDIO_SECONDS * RATE)]


async def _row(bench: Bench, process: str, method: str, messages: Sequence[bytes]) -> Row:
    count = bench.pick(200, 10_000)
    running = bench.installation
    async with running.engine_channel(process) as channel, _echo(messages) as bare:
        ours = Side(running.pid(process), method, channel, messages)
        growth, allowed = await ours.grow(count), await bare.grow(count) + ALLOWED
    return Row(
        what=f"memory after {count} cancelled streams, {process}",
        aim=AIM,
        measured=f"{megabytes(growth)}, allowed {megabytes(allowed)}",
        ours=", ".join(map(megabytes, ours.grown)),
        baseline=", ".join(map(megabytes, bare.grown)),
        remarks=f"growth of resident memory by quarters of the run, medians of {READINGS} readings; "
        f"{AT_ONCE} streams of {AUDIO_SECONDS} s at once, "
        f"cancelled at the start, within the audio, right behind it, up to {LONGEST_PAUSE} s later, "
        f"after {count // WARM_UP_SHARE} to warm up; "
        f"streams by status: {dict(ours.ends)}, the echo server's {dict(bare.ends)}",
    )


@asynccontextmanager
async def _echo(messages: Sequence[bytes]) -> AsyncIterator[Side]:
    """Run the echo server in a process of its own."""
    address = f"127.0.0.1:{processes.free_port()}"
    with tempfile.TemporaryDirectory(prefix="locution-bench-") as folder:
        process = processes.spawn(
            [sys.executable, "-m", "tests.bench.echo", address], log=Path(folder) / "echo.log", cwd=ROOT
        )
        try:
            async with grpc.aio.insecure_channel(address) as channel:
                await asyncio.wait_for(channel.channel_ready(), CONNECT_SECONDS)
                yield Side(process.pid, echo.METHOD, channel, messages)
        finally:
            processes.kill(process)


async def _until(call: Any, messages: Sequence[bytes], moment: Moment, pause: float) -> None:
    """Bring a stream to the moment at which it is to be cancelled."""
    await call.write(messages[0])
    if moment is Moment.START:
        return
    await call.read()
    within = moment is Moment.AUDIO
    for message in messages[1 : len(messages) // 2 + 1 if within else None]:
        await call.write(message)
    if not within:
        await call.done_writing()
    if moment is Moment.DECODING:
        await asyncio.sleep(pause)


def megabytes(size: int) -> str:
    """Return a growth in MB."""
    return f"{size / MEGABYTE:+.1f} MB"

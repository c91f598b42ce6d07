"""Rows on many streams and long ones: memory, latency added, cancels."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial

import grpc
import numpy as np
from locution.v1 import live_service_pb2 as pb
from locution.v1.live_service_pb2_grpc import LiveServiceStub

from tests.bench.command import say
from tests.bench.figures import quantile
from tests.bench.installation import Installation
from tests.bench.live_client import MODEL, listen
from tests.bench.memory import _answers
from tests.bench.processes import mebibytes, resident
from tests.bench.recipes import long_speech
from tests.bench.recordings import RATE, ROOT
from tests.bench.table import Row
from tests.support import processes

IDLE, ACTIVE, LIMIT = 100, 20, 120
CHUNK = RATE // 10
SPEED = 40.0
"""As fast as it goes: the engine takes less, and flow control makes the sender wait."""

SPOKEN = 30.0
EVERY = 120.0
"""Seconds of speech in so many of a long session; the rest is silence, of which the detector hears every frame."""

CANCELS_AT_ONCE = 8


async def hours(running: Installation, small: bool, times: int) -> list[Row]:
    """One long session, accelerated, a quarter of it speech; the slope is over its second half."""
    length = 240.0 if small else 7200.0
    silence = np.zeros(round((EVERY - SPOKEN) * RATE), np.int16)
    spoken = long_speech(SPOKEN * 10).reshape(10, -1)
    audio = np.concatenate([part for at in range(round(length / EVERY)) for part in (spoken[at % 10], silence)])
    samples: dict[str, list[int]] = {"gateway": [], "asr": []}
    async with running.client() as client:
        streaming = asyncio.create_task(listen(client, audio, speed=SPEED))
        while not streaming.done():
            for name, sizes in samples.items():
                sizes.append(resident(running.pid(name)))
            await asyncio.wait([streaming], timeout=2.0)
        heard = await streaming
    rows = []
    for name, sizes in samples.items():
        half = sizes[len(sizes) // 2 :]
        growth = float(np.polyfit(np.arange(len(half)), half, 1)[0]) * len(half) if len(half) > 2 else 0.0
        per_hour = growth / (length / 2 / 3600)
        rows.append(
            Row(f"a session of {length / 3600:.2f} h, memory of {name}", "slope flat, no time limit",
                f"{per_hour / 2**20:+.1f} MiB an hour of audio", mebibytes(max(sizes)), "",
                f"{heard.seconds:.0f} s heard, {len(heard.finals)} finals, {SPOKEN / EVERY:.0%} of it speech")
        )  # fmt: skip
    return rows


async def many(running: Installation, small: bool, times: int) -> list[Row]:
    """Idle and active streams with the engine faked, against a bare echo of the same messages in the same run."""
    seconds = 3.0 if small else 20.0
    running.end_quietly("asr")
    async with _stand_in("engine", running.address("asr"), running), _stand_in("echo", "127.0.0.1:0", running) as echo:
        ours = await _crowd(running.client_settings()["LOCUTION_ADDRESS"], _key(running), seconds, refused=True)
        bare = await _crowd(echo, (), seconds, refused=False)
    running.stack("start", "asr")
    added = (quantile(ours.trips, 0.99) - quantile(bare.trips, 0.99)) * 1000
    return [
        Row(f"{IDLE} idle and {ACTIVE} active streams, engine faked: p99 added over a bare echo", "≤ 50 ms", f"{added:.1f} ms",
            f"{quantile(ours.trips, 0.99) * 1000:.1f} ms", f"{quantile(bare.trips, 0.99) * 1000:.1f} ms",
            f"p50 {quantile(ours.trips, 0.5) * 1000:.1f} against {quantile(bare.trips, 0.5) * 1000:.1f} ms"),
        Row("the stream over the limit is refused within", "≤ 100 ms", f"{ours.refusal * 1000:.1f} ms", "", "", ours.reason),
    ]  # fmt: skip


async def cancels(running: Installation, small: bool, times: int) -> list[Row]:
    """Cancelled streams, against a bare echo server over the same cancels."""
    count = 200 if small else 10_000
    running.end_quietly("asr")
    async with _stand_in("engine", running.address("asr"), running), _stand_in("echo", "127.0.0.1:0", running) as echo:
        grown = await _cancel(
            running.client_settings()["LOCUTION_ADDRESS"], _key(running), count, running.pid("gateway")
        )
        bare = await _cancel(echo, (), count, PIDS[echo])
    running.stack("start", "asr")
    return [
        Row(f"{count} cancelled streams: growth of memory", "≤ the echo's + 20 MB", f"{(grown - bare) / 1e6:+.1f} MB",
            mebibytes(grown), mebibytes(bare), "against a bare grpc.aio echo server")
    ]  # fmt: skip


PIDS: dict[str, int] = {}


@asynccontextmanager
async def _stand_in(kind: str, address: str, running: Installation) -> AsyncIterator[str]:
    if address.endswith(":0"):
        (port,) = processes.free_ports(1)
        address = f"127.0.0.1:{port}"
    log = running.state / "logs" / f"live-{kind}.log"
    command = [sys.executable, "-m", "tests.bench.live_stand_ins", kind, address]
    process = processes.spawn(command, log=log, cwd=ROOT)
    try:
        ready = partial(_answers, address)
        await asyncio.to_thread(processes.wait_until, ready, seconds=60, what=f"{kind} ({log})", alive=[process])
        PIDS[address] = process.pid
        yield address
    finally:
        processes.kill(process)


class Crowd:
    """What a crowd of streams measured: seconds from each chunk to its answer, and how the one too many was refused."""

    def __init__(self) -> None:
        self.trips: list[float] = []
        self.refusal = 0.0
        self.reason = ""


Metadata = tuple[tuple[str, str], ...]


async def _crowd(address: str, metadata: Metadata, seconds: float, refused: bool) -> Crowd:
    crowd = Crowd()
    async with grpc.aio.insecure_channel(address) as channel:
        stub = LiveServiceStub(channel)
        idle = [await _opened(stub, metadata) for _ in range(IDLE)]
        active = [await _opened(stub, metadata) for _ in range(ACTIVE)]
        await asyncio.gather(*(_talk(call, crowd, seconds, number) for number, call in enumerate(active)))
        if refused:
            await _one_too_many(stub, metadata, crowd)
        for call in [*idle, *active]:
            call.cancel()
    return crowd


async def _opened(
    stub: LiveServiceStub, metadata: Metadata
) -> grpc.aio.StreamStreamCall[pb.StreamRequest, pb.StreamResponse]:
    call = stub.Stream(metadata=metadata)
    await call.write(pb.StreamRequest(start=pb.StreamStart(config=_config())))
    await call.read()
    return call


async def _talk(
    call: grpc.aio.StreamStreamCall[pb.StreamRequest, pb.StreamResponse], crowd: Crowd, seconds: float, number: int
) -> None:
    sent: dict[str, float] = {}
    chunk = bytes(CHUNK * 2)

    async def speak() -> None:
        await asyncio.sleep(0.1 * number / ACTIVE)
        for count in range(round(seconds * 10)):
            offset = count * CHUNK
            sent[str(offset + CHUNK)] = time.monotonic()
            await call.write(pb.StreamRequest(audio=pb.StreamAudio(offset=offset, data=chunk)))
            await asyncio.sleep(0.1)

    speaking = asyncio.create_task(speak())
    last = str(round(seconds * 10) * CHUNK)
    while last not in sent or sent:
        answer = await asyncio.wait_for(call.read(), 30)
        if isinstance(answer, pb.StreamResponse) and answer.WhichOneof("message") == "partial":
            if (began := sent.pop(answer.partial.unstable, None)) is not None:
                crowd.trips.append(time.monotonic() - began)
            if answer.partial.unstable == last:
                break
    await speaking


async def _one_too_many(stub: LiveServiceStub, metadata: Metadata, crowd: Crowd) -> None:
    began = time.monotonic()
    call = stub.Stream(metadata=metadata)
    try:
        await call.write(pb.StreamRequest(start=pb.StreamStart(config=_config())))
        await call.read()
    except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
        say("the stream over the limit was refused")
    code = await call.code()
    crowd.refusal, crowd.reason = time.monotonic() - began, code.name


async def _cancel(address: str, metadata: Metadata, count: int, pid: int) -> int:
    """Cancel streams, CANCELS_AT_ONCE under way; return by how much memory grew once a tenth more had warmed it up."""
    async with grpc.aio.insecure_channel(address) as channel:
        stub = LiveServiceStub(channel)
        await _cancel_all(stub, metadata, count // 10)
        await asyncio.sleep(2.0)
        before = resident(pid)
        await _cancel_all(stub, metadata, count)
        await asyncio.sleep(5.0)
        return resident(pid) - before


async def _cancel_all(stub: LiveServiceStub, metadata: Metadata, count: int) -> None:
    """Begin streams and cancel them, every other one after its first answer."""
    numbers = iter(range(count))

    async def some() -> None:
        for number in numbers:
            call = stub.Stream(metadata=metadata)
            await call.write(pb.StreamRequest(start=pb.StreamStart(config=_config())))
            if number % 2:
                await call.read()
            call.cancel()

    await asyncio.gather(*(some() for _ in range(CANCELS_AT_ONCE)))


def _config() -> pb.LiveConfig:
    return pb.LiveConfig(
        encoding=pb.LiveConfig.ENCODING_PCM_S16LE, sample_rate_hertz=RATE, language="en", asr_model=MODEL
    )


def _key(running: Installation) -> Metadata:
    return (("authorization", f"Bearer {running.client_settings()['LOCUTION_API_KEY']}"),)

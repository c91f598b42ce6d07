"""Streams with messages in wrong orders, cut at random points: never INTERNAL or UNKNOWN, and nothing of them is left (I14)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import grpc
import psutil
import pytest
from locution.v1 import job_service_pb2 as jobs
from locution.v1 import live_service_pb2 as live
from locution.v1 import transcript_service_pb2 as transcripts
from locution.v1 import upload_service_pb2 as uploads
from locution_common.interceptors import remote_failure

from tests.hostile.sizes import size
from tests.hostile.test_fields import FORBIDDEN
from tests.hostile.watch import neighbour, slots_held
from tests.service.gateway.conftest import Gateway, worker
from tests.service.gateway.hand_worker import HandWorker
from tests.service.gateway.identity.conftest import SESSION_KEY
from tests.service.gateway.identity.world import World, make_world
from tests.service.gateway.live.conftest import ServeLive, engine, serve_live
from tests.service.gateway.live.talk import config, noise

__all__ = ["engine", "serve_live", "worker"]

pytestmark = pytest.mark.timeout(3000)

STREAMS = size("STREAMS", 300, 5_000)
"""Streams of a run."""

AT_ONCE = 8
GONE_SECONDS = 30
"""Seconds after which nothing of a call may be left."""


def upload_messages(rng: random.Random, name: str) -> list[Any]:
    """Return messages of WriteUpload in an order that is right at best by chance."""
    message = uploads.WriteUploadRequest
    pool = [
        message(start=uploads.WriteUploadStart(name=name, offset=rng.choice([0, 0, 0, 1, 2**40]))),
        message(start=uploads.WriteUploadStart(name="uploads/0199aaaa-0000-7000-8000-000000000000")),
        message(data=b""),
        message(data=bytes(rng.choice([1, 1000, 200_000]))),
        message(finish=uploads.WriteUploadFinish()),
        message(finish=uploads.WriteUploadFinish(sha256="0" * 64)),
        message(),
    ]
    first = pool[:1] if rng.random() < 0.8 else []
    return first + rng.choices(pool[2:], k=rng.randrange(4)) + rng.choices(pool, k=rng.randrange(3))


def live_messages(rng: random.Random) -> list[Any]:
    """Return messages of a live stream, mostly begun well."""
    message = live.StreamRequest
    encoding = rng.choice([live.LiveConfig.ENCODING_PCM_S16LE, live.LiveConfig.ENCODING_FLAC])
    rate = None if encoding == live.LiveConfig.ENCODING_FLAC else 16_000
    wanted = config(encoding=encoding, sample_rate_hertz=rate)
    sound = noise(rng.choice([0.1, 0.5, 2.0])).tobytes()
    pool = [
        message(start=live.StreamStart(config=wanted)),
        message(start=live.StreamStart(resume=live.StreamResume(resume_token="x" * 43))),
        message(audio=live.StreamAudio(offset=0, data=sound)),
        message(audio=live.StreamAudio(offset=len(sound) // 2, data=b"\xff" * 3200)),
        message(audio=live.StreamAudio(offset=7, data=b"\0")),
        message(flush=live.StreamFlush()),
        message(update=live.StreamUpdate(language="de")),
        message(finish=live.StreamFinish()),
        message(),
    ]
    first = pool[:1] if rng.random() < 0.85 else []
    return first + rng.choices(pool[2:], k=rng.randrange(5)) + rng.choices(pool, k=rng.randrange(2))


class Attack:
    """Opens one stream after the other, each as its number says."""

    def __init__(self, world: World, channel: grpc.aio.Channel) -> None:
        self._client: Any = channel
        self._world = world
        self.codes: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def stream(self, number: int) -> None:
        """Open a stream, send its messages, and cut it, half-close it or wait."""
        rng = random.Random(f"streams {number}")
        method, messages, codecs = await self._chosen(rng)
        cut = rng.choice(["cancel", "cancel", "half-close", "wait"])
        pause = rng.choice([0, 0, 0.001, 0.02, 0.1])

        async def said() -> AsyncIterator[Any]:
            for message in messages:
                yield message
                await asyncio.sleep(pause)
            if cut == "wait":
                await asyncio.sleep(1)

        kind = "stream" if codecs.pop("streams") else "unary"
        many = codecs.pop("answers")
        call = getattr(self._client, f"{kind}_{'stream' if many else 'unary'}")(method, **codecs)
        answer = call(said() if kind == "stream" else messages[0], timeout=20)
        if cut == "cancel":
            asyncio.get_running_loop().call_later(rng.choice([0, 0.001, 0.01, 0.1, 0.3]), answer.cancel)
        code = await self._outcome(answer, many)
        self.codes[code.split()[0]] += 1
        if code.split()[0] in FORBIDDEN:
            self.wrong.append(f"stream {number} of {method}: {code}")

    async def _outcome(self, answer: Any, many: bool) -> str:
        try:
            if many:
                async for _ in answer:
                    pass
            else:
                await answer
        except grpc.aio.AioRpcError as error:
            if error.details() == "Internal error from Core":
                return "CLIENT"  # grpc.aio's own, for a message to a call that the server has just ended
            failure = remote_failure(error)
            return f"{failure.code} {failure.reason} {error.details()}"
        except asyncio.CancelledError:
            if not answer.cancelled():
                raise
            return "CANCELLED"
        return "OK"

    async def _chosen(self, rng: random.Random) -> tuple[str, list[Any], dict[str, Any]]:
        job = self._world.mine.things["jobs"]
        answer: Any
        match rng.choice(["upload", "upload", "live", "live", "watch", "export"]):
            case "upload":
                upload = await (await self._world.client(self._world.mine.keys["MEMBER"])).new_upload()
                answer = uploads.Upload
                name, messages = "/locution.v1.UploadService/WriteUpload", upload_messages(rng, upload.name)
                shape = {"streams": True, "answers": False}
            case "live":
                name, messages, answer = "/locution.v1.LiveService/Stream", live_messages(rng), live.StreamResponse
                shape = {"streams": True, "answers": True}
            case "watch":
                request: Any = jobs.WatchJobRequest(name=job, after_cursor=rng.choice(["", "x", "AAAA"]))
                name, messages, answer = "/locution.v1.JobService/WatchJob", [request], jobs.JobEvent
                shape = {"streams": False, "answers": True}
            case _:
                request = transcripts.ExportTranscriptRequest(name=f"{job}/transcript", format=rng.randrange(8))  # type: ignore[arg-type]
                name, messages = "/locution.v1.TranscriptService/ExportTranscript", [request]
                answer, shape = transcripts.ExportTranscriptResponse, {"streams": False, "answers": True}
        codecs = {"request_serializer": lambda m: m.SerializeToString(), "response_deserializer": answer.FromString}
        return name, messages, {**codecs, **shape}


def decoders() -> int:
    """Count the decoding children of this process."""
    return sum("locution_gateway.media.child" in " ".join(child.cmdline()) for child in psutil.Process().children())


def left(gateway: Gateway, engine_calls: int) -> dict[str, float]:
    """Return what is still held."""
    registry = gateway.running.context.registry
    flying = sum(
        sample.value
        for metric in registry.collect()
        if metric.name == "locution_rpc_server_in_flight"
        for sample in metric.samples
    )
    held = {
        **slots_held(registry),
        "calls in flight": flying,
        "calls of the engine": engine_calls,
        "children": decoders(),
    }
    return {name: count for name, count in held.items() if count}


async def test_no_order_and_no_cut_leaves_anything(
    serve_live: ServeLive, worker: HandWorker, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        serve_live(session_key=SESSION_KEY, max_open_uploads=100_000) as house,
        make_world(house.gateway, worker) as world,
    ):
        attack = Attack(world, await world.channel(world.mine.keys["ADMIN"]))
        numbers = iter(range(STREAMS))

        async def some() -> None:
            for number in numbers:
                await attack.stream(number)

        async with neighbour(await world.client(world.theirs.keys["VIEWER"])) as calm:
            await asyncio.gather(*(some() for _ in range(AT_ONCE)))
        for _ in range(GONE_SECONDS * 10):
            if not (held := left(house.gateway, len(house.engine.calls))):
                break
            await asyncio.sleep(0.1)
        rows = await house.gateway.owner.fetchval("SELECT count(*) FROM gateway.open_streams")
        with capsys.disabled():
            print(f"\nhostile streams: {STREAMS}, {dict(attack.codes.most_common())}, p95 {calm.p95() * 1e3:.0f} ms")
        assert attack.wrong == []
        assert held == {}
        assert rows == 0
        assert house.gateway.running.context.health.faults == {}

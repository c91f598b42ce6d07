"""A stream that ends at any moment and in any way leaves no slot, no task and no stream of an engine."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

import grpc
import pytest
from locution.v1 import live_service_pb2 as pb
from locution.v1.live_service_pb2_grpc import LiveServiceStub
from locution_common.channels import open_channel

from tests.service.gateway.conftest import KEY
from tests.service.gateway.live.conftest import House, ServeLive
from tests.service.gateway.live.talk import Speaker, Talk, config, noise

STEPS: Final = 60
"""Turns of the loop after which a stream is cut, from none to so many; the exchange with the engine begins in them."""

PER_STREAM: Final = (
    *("StreamLive.", "Serve.", "StreamingSession.", "Keeper.", "GrpcListening.", "Live."),
    "_StreamRequestMixin.",  # of grpc.aio: it reads the requests of a call, ours to the engine and the test's to us
)


async def leave(talk: Talk) -> None:
    talk.call.cancel()


async def bad_offset(talk: Talk) -> None:
    await talk.say(audio=pb.StreamAudio(offset=7, data=b"\0\0"))


async def half_a_sample(talk: Talk) -> None:
    await talk.say(audio=pb.StreamAudio(offset=0, data=b"\0"))
    await talk.say(finish=pb.StreamFinish())


async def second_start(talk: Talk) -> None:
    await talk.say(audio=pb.StreamAudio(offset=0, data=noise(0.2).tobytes()))
    await talk.say(start=pb.StreamStart(config=config()))


async def finish_and_leave(talk: Talk) -> None:
    await talk.say(finish=pb.StreamFinish())
    talk.call.cancel()


def tasks_of_streams() -> list[str]:
    names = [task.get_coro().__qualname__ for task in asyncio.all_tasks()]  # type: ignore[union-attr]
    return [name for name in names if name.startswith(PER_STREAM)]


async def nothing_left(house: House) -> None:
    try:
        async with asyncio.timeout(30):
            while tasks_of_streams() or house.engine.calls:
                await asyncio.sleep(0.05)
    except TimeoutError:
        pytest.fail(f"left: {tasks_of_streams()}, {len(house.engine.calls)} streams of the engine")


@pytest.mark.parametrize("cut", [leave, bad_offset, half_a_sample, second_start, finish_and_leave])
@pytest.mark.parametrize("encoding", [pb.LiveConfig.ENCODING_PCM_S16LE, pb.LiveConfig.ENCODING_FLAC])
async def test_no_cut_leaves_anything(
    serve_live: ServeLive, cut: Callable[[Talk], Awaitable[None]], encoding: pb.LiveConfig.Encoding.ValueType
) -> None:
    compressed = encoding == pb.LiveConfig.ENCODING_FLAC
    wanted = config(encoding=encoding, sample_rate_hertz=None if compressed else 16_000)
    async with serve_live() as house:
        for step in range(0, STEPS, 6 if compressed else 1):
            talk = house.speaker.talk()
            with suppress(grpc.aio.AioRpcError, asyncio.CancelledError, asyncio.InvalidStateError):
                await talk.say(start=pb.StreamStart(config=wanted))
                for _ in range(step):
                    await asyncio.sleep(0)
                await cut(talk)
                await talk.rest()
            talk.call.cancel()
        await nothing_left(house)


@pytest.mark.parametrize("cut", [leave, bad_offset])
async def test_no_cut_after_the_engine_was_lost_leaves_anything(
    serve_live: ServeLive, cut: Callable[[Talk], Awaitable[None]]
) -> None:
    async with serve_live() as house:
        for step in range(0, STEPS, 3):
            talk = house.speaker.talk()
            house.engine.refusal = grpc.StatusCode.UNAVAILABLE
            with suppress(grpc.aio.AioRpcError, asyncio.CancelledError, asyncio.InvalidStateError):
                await talk.say(start=pb.StreamStart(config=config()))
                for _ in range(step):
                    await asyncio.sleep(0)
                house.engine.refusal = None
                await cut(talk)
                await talk.rest()
            talk.call.cancel()
        await nothing_left(house)


async def test_half_closing_is_a_finish_and_a_broken_connection_is_not(serve_live: ServeLive) -> None:
    async with serve_live() as house:
        talk = house.speaker.talk()
        await talk.begin()
        await talk.send(noise(1.0))
        await talk.call.done_writing()
        await talk.rest()
        assert talk.done is not None
        assert talk.done.audio_duration.seconds == 1
        async with open_channel(house.gateway.running.address, token=KEY) as channel:
            broken = Speaker(LiveServiceStub(channel)).talk()
            started = await broken.begin()
            await broken.send(noise(0.5))
            await broken.until_ack(8000)
        again = house.speaker.talk()
        assert (await again.resume(started.resume_token)).next_offset == 8000
        await again.finish()

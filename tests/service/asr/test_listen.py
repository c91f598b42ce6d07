"""Listen on real models: the final text is the section's, and a second stream goes on from the first."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import numpy as np
import pytest
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1 import common_pb2
from locution_common.interceptors import remote_failure
from locution_speech import wire
from locution_speech.asr import ListenFinal, ListenPartial
from locution_speech.transcript import text_of
from numpy.typing import NDArray

from tests.service.asr.client import Client, start
from tests.service.asr.conftest import Serve, Stack
from tests.service.asr.recordings import conversation, pcm
from tests.unit.asr.live_stage import assert_confirmed_text_stays

pytestmark = pytest.mark.asyncio(loop_scope="package")

RATE = 16_000
STEP = RATE
Pcm = NDArray[np.int16]


def opening(**fields: object) -> pb.ListenRequest:
    options = start(live=True, language="en")
    return pb.ListenRequest(start=pb.ListenStart(**{"options": options, "step_samples": STEP, **fields}))  # type: ignore[arg-type]


async def listen(
    client: Client, audio: Pcm, *, first: int = 0, until: int = 10**9, **fields: object
) -> list[pb.ListenResponse]:
    """Send audio from `first` on; return what came until all before `until` was done.

    With partials each step waits for an answer to the one before, so that how many come does not depend on the machine.
    """
    call, answered = client.stub.Listen(), asyncio.Event()
    await call.write(opening(first_sample=first, **fields))

    async def speak() -> None:
        for at in range(first, len(audio), STEP):
            piece = audio[at : at + STEP].astype("<i2").tobytes()
            answered.clear()
            await call.write(pb.ListenRequest(audio=common_pb2.AudioChunk(start_sample=at, pcm=piece)))
            if fields.get("partials"):
                with suppress(TimeoutError):  # a pause has no answer
                    await asyncio.wait_for(answered.wait(), 1.0)
        await call.done_writing()

    speaking = asyncio.create_task(speak())
    answers: list[pb.ListenResponse] = []
    async for answer in call:
        answers.append(answer)
        answered.set()
        if answer.progress.done_sample >= until:
            speaking.cancel()
            call.cancel()
            break
    await asyncio.gather(speaking, return_exceptions=True)
    return answers


def finals(answers: list[pb.ListenResponse]) -> list[pb.ListenFinal]:
    return [answer.final for answer in answers if answer.WhichOneof("message") == "final"]


def talk() -> Pcm:
    """Return a stretch of the conversation in which both speak, and a pause."""
    return np.concatenate([pcm(conversation())[6 * RATE : 22 * RATE], np.zeros(RATE, np.int16)])


async def test_the_final_text_is_the_sections(shared: Stack) -> None:
    audio = talk()
    section = await shared.client.transcribe(audio, start(language="en"))
    answers = await listen(shared.client, audio, partials=True)
    assert " ".join(final.text for final in finals(answers)) == section.text
    assert answers[-1].done.sample_count == len(audio)
    started = answers[0].started
    assert (started.frame_samples, started.warm_up_samples, started.longest_window_samples) == (
        512,
        8 * RATE,
        29 * RATE,
    )
    kept = [answer.progress for answer in answers if answer.WhichOneof("message") == "progress"]
    assert all(progress.keep_from_sample % started.frame_samples == 0 for progress in kept)
    confirmed = [len(answer.partial.confirmed) for answer in answers if answer.WhichOneof("message") == "partial"]
    assert max(confirmed) > 5


async def test_the_final_text_is_the_sections_in_fast_mode_too(serve: Serve) -> None:
    audio = talk()
    async with serve(fast=True) as stack:
        section = await stack.client.transcribe(audio, start(language="en"))
        answers = await listen(stack.client, audio)
    assert answers[0].started.fast
    assert " ".join(final.text for final in finals(answers)) == section.text


async def test_a_second_stream_goes_on_where_the_first_was_lost(shared: Stack) -> None:
    said = pcm(conversation())[6 * RATE : 12 * RATE]
    audio = np.concatenate([said, np.zeros(2 * RATE, np.int16), said, np.zeros(2 * RATE, np.int16), said])
    whole = finals(await listen(shared.client, audio, endpoint_samples=12800))
    assert len(whole) >= 3
    before = await listen(shared.client, audio, endpoint_samples=12800, until=whole[0].end_sample)
    progress = [answer.progress for answer in before if answer.WhichOneof("message") == "progress"][-1]
    after = await listen(
        shared.client, audio, first=progress.keep_from_sample, done_sample=progress.done_sample, endpoint_samples=12800,
    )  # fmt: skip
    assert [final.text for final in [*finals(before), *finals(after)]] == [final.text for final in whole]


@pytest.mark.parametrize("silence", [8000, 0])
async def test_confirmed_text_stays_until_a_final_covers_it(shared: Stack, silence: int) -> None:
    audio = np.concatenate([pcm(conversation())[6 * RATE : 26 * RATE], np.zeros(RATE, np.int16)])
    answers = await listen(shared.client, audio, partials=True, endpoint_samples=silence)
    events = [wire.listen_event_from_proto(answer) for answer in answers]
    texts = [event for event in events if isinstance(event, ListenFinal | ListenPartial)]
    assert_confirmed_text_stays(texts)
    assert max(len(event.confirmed) for event in texts if isinstance(event, ListenPartial)) > 5
    assert all(text_of(event.words) == event.text for event in texts if isinstance(event, ListenFinal))


async def test_a_flush_gives_the_text_so_far(shared: Stack) -> None:
    audio, call = pcm(conversation())[: 12 * RATE], shared.client.stub.Listen()
    await call.write(opening())
    for at in range(0, len(audio), 16000):
        piece = audio[at : at + 16000].astype("<i2").tobytes()
        await call.write(pb.ListenRequest(audio=common_pb2.AudioChunk(start_sample=at, pcm=piece)))
    await call.write(pb.ListenRequest(flush=pb.ListenFlush()))
    async for answer in call:
        if answer.WhichOneof("message") == "final":
            assert answer.final.text
            break
    call.cancel()


@pytest.mark.parametrize(
    ("requests", "reason"),
    [
        ([pb.ListenRequest(flush=pb.ListenFlush())], "STREAM_PROTOCOL_VIOLATED"),
        ([opening(), opening()], "STREAM_PROTOCOL_VIOLATED"),
        ([opening(first_sample=100)], "STREAM_PROTOCOL_VIOLATED"),
        ([opening(options=start(live=False))], "STREAM_PROTOCOL_VIOLATED"),
        ([opening(step_samples=1)], "INVALID_REQUEST"),
        (
            [opening(), pb.ListenRequest(audio=common_pb2.AudioChunk(start_sample=5, pcm=b"\0\0"))],
            "AUDIO_OFFSET_MISMATCH",
        ),
    ],
)
async def test_what_breaks_the_rules_is_refused(shared: Stack, requests: list[pb.ListenRequest], reason: str) -> None:
    import grpc

    async def each() -> object:
        for request in requests:
            yield request

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        async for _ in shared.client.stub.Listen(each()):  # type: ignore[arg-type]
            pass
    assert remote_failure(caught.value).reason == reason

"""What the diarizer refuses, and how it ends."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import grpc
import numpy as np
import pytest
from locution.engine.v1 import common_pb2
from locution.engine.v1 import diarizer_service_pb2 as pb
from locution.v1 import model_service_pb2 as models

from tests.service.diarizer.client import Client, audio, each, flow, refusal
from tests.service.diarizer.conftest import Serve, Stack
from tests.service.diarizer.recordings import MODEL, RATE, conversation, installed_model, pcm

SHARED = pytest.mark.asyncio(loop_scope="package")
SILENCE = np.zeros(12 * RATE, np.int16)


@SHARED
async def test_silence_has_no_speakers(shared: Stack) -> None:
    heard = await shared.client.diarize(SILENCE)
    joined = await shared.client.cluster([heard.section])
    assert not heard.section.speakers
    assert joined.sections == [[]]
    assert not joined.centroids


@SHARED
async def test_a_section_without_audio_has_no_speakers(shared: Stack) -> None:
    heard = await shared.client.diarize(SILENCE[:0])
    assert heard.section.sample_count == 0
    assert (await shared.client.cluster([heard.section])).sections == [[]]


@SHARED
async def test_silent_sections_between_others_keep_their_place(shared: Stack) -> None:
    spoken, silent = await shared.client.diarize(pcm(conversation())), await shared.client.diarize(SILENCE)
    joined = await shared.client.cluster([silent.section, spoken.section, silent.section])
    assert [bool(turns) for turns in joined.sections] == [False, True, False]
    assert len(joined.centroids) == 2


@SHARED
async def test_a_short_section_is_heard(shared: Stack) -> None:
    speech = pcm(conversation())[7 * RATE : 9 * RATE]
    heard = await shared.client.diarize(speech)
    assert heard.done.timings.windows == 1
    assert heard.section.turns
    assert all(turn.end_sample <= len(speech) for turn in heard.section.turns)


@SHARED
async def test_audio_with_a_gap_is_refused(shared: Stack) -> None:
    chunks = [*audio(SILENCE[:RATE]), *audio(SILENCE[:RATE], offset=RATE + 1)]
    requests = [pb.DiarizeRequest(start=shared.client.start()), *(pb.DiarizeRequest(audio=c) for c in chunks)]
    refused = await refusal(shared.client.converse(requests))
    assert refused.reason == "AUDIO_OFFSET_MISMATCH"


@SHARED
async def test_audio_before_start_is_refused(shared: Stack) -> None:
    requests = [pb.DiarizeRequest(audio=audio(SILENCE)[0])]
    assert (await refusal(shared.client.converse(requests))).reason == "STREAM_PROTOCOL_VIOLATED"


@SHARED
async def test_a_second_start_is_refused(shared: Stack) -> None:
    requests = [pb.DiarizeRequest(start=shared.client.start())] * 2
    assert (await refusal(shared.client.converse(requests))).reason == "STREAM_PROTOCOL_VIOLATED"


async def test_a_section_that_is_too_long_is_refused(serve: Serve) -> None:
    async with serve(diarizer_section_seconds=10) as stack:
        assert (await refusal(stack.client.diarize(SILENCE[: 11 * RATE]))).reason == "AUDIO_TOO_LONG"


@SHARED
async def test_an_unknown_model_is_refused(shared: Stack) -> None:
    assert (await refusal(shared.client.diarize(SILENCE, model="pyannote/none"))).reason == "MODEL_NOT_FOUND"


async def test_a_disabled_model_is_refused(stack: Stack) -> None:
    model = stack.registry.models[MODEL]
    model.resource.state, model.resource.state_reason = models.Model.STATE_DISABLED, "not today"
    refused = await refusal(stack.client.diarize(SILENCE))
    assert refused.reason == "MODEL_NOT_USABLE"
    assert "not today" in refused.message


async def test_a_model_whose_files_changed_is_refused(serve: Serve, tmp_path: Path) -> None:
    shutil.copytree(installed_model(), tmp_path / MODEL)
    async with serve(models_root=tmp_path) as stack:
        with (tmp_path / MODEL / "config.yaml").open("a") as config:
            config.write("# touched\n")
        assert (await refusal(stack.client.diarize(SILENCE))).reason == "MODEL_CHECKSUM_MISMATCH"


async def test_a_model_that_does_not_load_is_refused_and_may_be_mended(serve: Serve, tmp_path: Path) -> None:
    shutil.copytree(installed_model(), tmp_path / MODEL)
    config = tmp_path / MODEL / "config.yaml"
    good = config.read_text()
    config.write_text("pipeline: {name: something.Else}\n")
    async with serve(models_root=tmp_path) as stack:
        assert (await refusal(stack.client.diarize(SILENCE))).reason == "MODEL_LOAD_FAILED"
        config.write_text(good)
        stack.registry.add(MODEL, tmp_path / MODEL)
        async with asyncio.timeout(30):
            while not await _works(stack):
                await asyncio.sleep(0.2)


async def _works(stack: Stack) -> bool:
    try:
        await stack.client.diarize(SILENCE[:RATE])
    except grpc.aio.AioRpcError:
        return False
    return True


@SHARED
async def test_a_state_of_elsewhere_is_refused(shared: Stack) -> None:
    for state in (b"", b"LSV1" + b"\xff" * 200, np.random.default_rng(1).bytes(5000)):
        refused = await refusal(shared.client.cluster([pb.SectionSpeakers(state=state)]))
        assert refused.reason == "INVALID_REQUEST"


@SHARED
async def test_contradicting_hints_are_refused(shared: Stack) -> None:
    refused = await refusal(shared.client.cluster([], min_speaker_count=3, max_speaker_count=2))
    assert refused.reason == "INVALID_REQUEST"


def is_started(answer: object) -> bool:
    return isinstance(answer, pb.DiarizeResponse) and answer.HasField("started")


async def test_one_stream_too_many_is_refused_with_a_wait(serve: Serve) -> None:
    async with serve(diarizer_streams=1) as stack:
        held = stack.client.stub.Diarize()
        await held.write(pb.DiarizeRequest(start=stack.client.start()))
        assert is_started(await held.read())
        refused = await refusal(stack.client.diarize(SILENCE))
        assert refused.reason == "ENGINE_OVERLOADED"
        assert refused.retry_after is not None
        assert await stack.running.context.health.check(), "a full service stays ready"
        held.cancel()
        async with asyncio.timeout(30):
            while not await _works(stack):
                await asyncio.sleep(0.05)


@SHARED
async def test_a_call_without_the_service_token_is_refused(shared: Stack) -> None:
    async with grpc.aio.insecure_channel(shared.running.address) as channel:
        stub = type(shared.client.stub)(channel)
        refused = await refusal(Client(stub, MODEL).diarize(SILENCE))
        assert refused.reason == "UNAUTHENTICATED"


async def test_a_cancelled_stream_frees_its_windows(stack: Stack) -> None:
    long = np.tile(pcm(conversation()), 10)
    call = stack.client.stub.Diarize(each(stack.client.requests(long)))
    assert is_started(await call.read())
    await call.read()
    call.cancel()
    quick = await stack.client.diarize(SILENCE[:RATE])
    assert quick.done.timings.queue_seconds < 5


async def test_a_draining_engine_finishes_what_it_has_and_refuses_the_rest(serve: Serve) -> None:
    async with serve() as stack:
        held = stack.client.stub.Diarize()
        await held.write(pb.DiarizeRequest(start=stack.client.start()))
        assert is_started(await held.read())
        stack.running.context.stopping.set()
        await asyncio.sleep(0)
        refused = await refusal(stack.client.diarize(SILENCE))
        assert refused.reason == "ENGINE_DRAINING"
        await held.write(pb.DiarizeRequest(audio=common_pb2.AudioChunk(start_sample=0, pcm=bytes(RATE))))
        await held.done_writing()
        answers = [answer async for answer in held]
        assert answers[-1].HasField("done")


async def test_the_registry_learns_what_is_loaded(stack: Stack) -> None:
    await stack.client.diarize(SILENCE[:RATE])
    async with asyncio.timeout(30):
        while [MODEL] not in stack.registry.reports:
            await asyncio.sleep(0.05)


async def test_many_recordings_share_batches_and_change_nothing(stack: Stack) -> None:
    sample = pcm(conversation())
    parts = [sample[i * RATE : (i + 15) * RATE] for i in (0, 5, 10, 15)]
    alone = [await stack.client.diarize(part) for part in parts]
    together = await asyncio.gather(
        *(stack.client.diarize(part, flow=flow(str(i), live=i == 3)) for i, part in enumerate(parts))
    )
    assert max(heard.done.timings.mean_batch_size for heard in together) > 1
    for one, other in zip(alone, together, strict=True):
        pairs = zip(one.section.turns, other.section.turns, strict=True)
        assert all(abs(a.start_sample - b.start_sample) <= 270 and a.speaker_id == b.speaker_id for a, b in pairs)

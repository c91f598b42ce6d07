"""The service's life: what cancelling frees, what a drain promises, what it reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from locution.engine.v1 import asr_service_pb2 as pb
from locution_common.errors import Code
from locution_common.interceptors import remote_failure

from tests.service.asr.client import RATE, Result, audio, start
from tests.service.asr.conftest import Serve, Stack
from tests.service.asr.recordings import pcm, recording


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def metric(stack: Stack, name: str, **labels: str) -> float:
    return stack.running.context.registry.get_sample_value(name, labels) or 0.0


async def test_results_come_while_audio_still_flows(stack: Stack) -> None:
    speech = pcm(recording("jfk.wav"))
    call = stack.client.stub.Transcribe()
    result = Result()
    await call.write(pb.TranscribeRequest(start=start(live=True)))
    for request in audio(np.concatenate([speech, np.zeros(2 * RATE, np.int16)])):
        await call.write(request)
    async with asyncio.timeout(20):
        while not result.segments:
            result.add(await call.read())
    await call.done_writing()
    while (response := await call.read()) is not grpc.aio.EOF:
        result.add(response)
    assert "country" in result.text


async def test_cancelled_sections_free_their_windows(serve: Serve) -> None:
    speech = np.tile(pcm(recording("jfk.wav")), 8)
    async with serve(asr_workers=1) as stack:
        await stack.client.converse([pb.TranscribeRequest(start=start("whisper/base"))])
        calls = [stack.client.stub.Transcribe() for _ in range(6)]
        for call in calls:
            await call.write(pb.TranscribeRequest(start=start("whisper/base")))
            for request in audio(speech):
                await call.write(request)
        queued = lambda: metric(stack, "locution_asr_queued_audio_seconds")  # noqa: E731
        await until(lambda: queued() > 0)
        for call in calls:
            call.cancel()
        await until(lambda: queued() == 0)
        result = await stack.client.transcribe(pcm(recording("jfk.wav")))
        assert "country" in result.text


async def test_a_section_under_way_ends_well_within_the_grace(serve: Serve) -> None:
    async with serve(shutdown_grace=20) as stack:
        call = stack.client.stub.Transcribe()
        await call.write(pb.TranscribeRequest(start=start()))
        assert (await call.read()).WhichOneof("message") == "started"
        stack.running.context.stopping.set()
        await until_draining(stack)
        for request in audio(pcm(recording("jfk.wav"))):
            await call.write(request)
        await call.done_writing()
        result = Result()
        while (response := await call.read()) is not grpc.aio.EOF:
            result.add(response)
    assert "country" in result.text


async def until_draining(stack: Stack) -> None:
    async with asyncio.timeout(5):
        while True:
            try:
                await stack.client.converse([pb.TranscribeRequest(start=start())])
            except grpc.aio.AioRpcError as error:
                assert remote_failure(error).reason == "ENGINE_DRAINING"
                assert remote_failure(error).code is Code.UNAVAILABLE
                return


async def test_a_section_that_outlives_the_grace_is_told_why(serve: Serve) -> None:
    async with serve(shutdown_grace=1) as stack:
        call = stack.client.stub.Transcribe()
        await call.write(pb.TranscribeRequest(start=start()))
        assert (await call.read()).WhichOneof("message") == "started"
        stack.running.context.stopping.set()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            while await call.read() is not grpc.aio.EOF:
                pass
    assert remote_failure(ended.value).reason == "ENGINE_DRAINING"


async def test_health_and_serving_reports_follow(stack: Stack) -> None:
    async with grpc.aio.insecure_channel(stack.running.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="locution.engine.v1.AsrService")
        async with asyncio.timeout(10):
            while (await health.Check(request)).status != health_pb2.HealthCheckResponse.SERVING:
                await asyncio.sleep(0.05)
    await stack.client.converse([pb.TranscribeRequest(start=start())])
    await until(lambda: ["whisper/tiny.en"] in stack.registry.reports)


async def test_callers_without_the_credential_are_refused(stack: Stack) -> None:
    from locution.engine.v1.asr_service_pb2_grpc import AsrServiceStub

    async with grpc.aio.insecure_channel(stack.running.address) as channel:
        call = AsrServiceStub(channel).Transcribe()
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call.read()
    assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_metrics_account_for_the_audio(stack: Stack) -> None:
    speech = pcm(recording("jfk.wav"))
    await stack.client.transcribe(speech)
    outcomes = ("transcribed", "no_speech", "dropped", "failed")
    seconds = sum(
        metric(stack, "locution_asr_audio_seconds_total", traffic="file", outcome=outcome) for outcome in outcomes
    )
    assert seconds == pytest.approx(len(speech) / RATE)
    assert metric(stack, "locution_asr_text_speech_seconds_total") > 6

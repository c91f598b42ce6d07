"""The service's life: what cancelling frees, what a drain promises, what it reports."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from locution.engine.v1 import asr_service_pb2 as pb
from locution_common.errors import Code
from locution_common.interceptors import RemoteFailure, remote_failure

from tests.service.asr.client import RATE, Result, audio, start
from tests.service.asr.conftest import Serve, Stack
from tests.service.asr.recordings import pcm
from tests.support.testdata import recording


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.01)


def metric(stack: Stack, name: str, **labels: str) -> float:
    return stack.running.context.registry.get_sample_value(name, labels) or 0.0


async def test_results_come_while_audio_still_flows(stack: Stack) -> None:
    talk, result = await stack.client.open(start(live=True)), Result()
    await talk.say(*audio(np.concatenate([pcm(recording("jfk.wav")), np.zeros(2 * RATE, np.int16)])))
    async with asyncio.timeout(30):
        while not result.segments:
            response = await talk.hear()
            assert response is not None
            result.add(response)
    await talk.rest(result)
    assert "country" in result.text


async def test_cancelled_sections_free_their_windows(serve: Serve) -> None:
    speech = np.tile(pcm(recording("jfk.wav")), 8)
    async with serve(asr_workers=1) as stack:
        talks = [await stack.client.open() for _ in range(6)]
        for talk in talks:
            await talk.say(*audio(speech))
        await until(lambda: queued(stack) > 0)
        for talk in talks:
            talk.leave()
        await until(lambda: queued(stack) == 0)
        decoded = metric(stack, "locution_asr_batch_windows_sum")
        assert decoded < len(talks) * len(speech) / RATE / 30, "what waited was not decoded"
        result = await stack.client.transcribe(pcm(recording("jfk.wav")))
        assert "country" in result.text


def queued(stack: Stack) -> float:
    return metric(stack, "locution_asr_queued_audio_seconds")


async def test_a_section_under_way_ends_well_within_the_grace(serve: Serve) -> None:
    async with serve(shutdown_grace=20) as stack:
        talk = await stack.client.open()
        stack.running.context.stopping.set()
        failure = await refused(stack)
        assert (failure.reason, failure.code) == ("ENGINE_DRAINING", Code.UNAVAILABLE)
        await talk.say(*audio(pcm(recording("jfk.wav"))))
        result = await talk.rest()
    assert "country" in result.text


async def refused(stack: Stack) -> RemoteFailure:
    """Open sections until one is refused."""
    async with asyncio.timeout(30):
        while True:
            try:
                await stack.client.converse([pb.TranscribeRequest(start=start())])
            except grpc.aio.AioRpcError as error:
                return remote_failure(error)


async def test_a_section_that_outlives_the_grace_is_told_why(serve: Serve) -> None:
    async with serve(shutdown_grace=1) as stack:
        talk = await stack.client.open()
        stack.running.context.stopping.set()
        with pytest.raises(grpc.aio.AioRpcError) as ended:
            await talk.hear()
    assert remote_failure(ended.value).reason == "ENGINE_DRAINING"


async def test_health_and_serving_reports_follow(stack: Stack) -> None:
    async with grpc.aio.insecure_channel(stack.running.address) as channel:
        health: Any = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="locution.engine.v1.AsrService")
        async with asyncio.timeout(30):
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

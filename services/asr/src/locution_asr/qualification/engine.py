"""Run recordings through a running asr service, and store qualifications with the registry."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import grpc
from locution.engine.v1 import asr_service_pb2 as pb
from locution.engine.v1.asr_service_pb2_grpc import AsrServiceStub
from locution.registry.v1 import registry_service_pb2 as registry
from locution.registry.v1.registry_service_pb2_grpc import RegistryServiceStub
from locution_speech import wire
from locution_speech.asr import DecodeMode, ModeChoice, Options, SectionStart, Started
from locution_speech.clock import samples
from locution_speech.engine.models import Flow, FlowKey, ModelName
from locution_speech.languages import AUTO
from locution_speech.pcm import chunks

from locution_asr.domain.models import Pcm
from locution_asr.qualification.judge import Qualification
from locution_asr.qualification.recordings import Referenced, pcm

ACTOR = "qualification"
AT_ONCE = 8
TIMEOUT = 30.0


class EngineDiffers(Exception):
    """The engine did not run what was requested."""


@dataclass(frozen=True, slots=True)
class Texts:
    """The result of a run: the checksum of the model that ran, and one text per recording."""

    checksum: str
    texts: tuple[str, ...]


def accurate() -> Options:
    """Return the options of a request for ACCURATE."""
    return Options(mode=ModeChoice.ACCURATE, word_times=False)


def fast(shortest: float) -> Options:
    """Return the options of a request for FAST whose windows are padded to at least `shortest` seconds."""
    return Options(mode=ModeChoice.FAST_UNQUALIFIED, shortest_input=samples(shortest), word_times=False)


async def transcribed(channel: grpc.aio.Channel, model: str, recordings: Sequence[Referenced], mode: Options) -> Texts:
    """Transcribe recordings in one mode, several at once. Raises AioRpcError or EngineDiffers."""
    limit = asyncio.Semaphore(AT_ONCE)

    async def one(recording: Referenced) -> tuple[str, str]:
        async with limit:
            return await _text(channel, model, recording, mode)

    found = await asyncio.gather(*(one(recording) for recording in recordings))
    checksums = {checksum for checksum, _ in found}
    if len(checksums) != 1:
        raise EngineDiffers("the engines serve different files of the model")
    return Texts(checksums.pop(), tuple(text for _, text in found))


async def record(channel: grpc.aio.Channel, qualification: Qualification) -> bool:
    """Store a qualification and return whether it passed. Raises AioRpcError."""
    request = registry.RecordQualificationRequest(
        path=qualification.model,
        checksum=qualification.checksum,
        accurate_word_error_rate=qualification.accurate_word_error_rate,
        fast_word_error_rate=qualification.fast_word_error_rate,
        word_count=qualification.word_count,
        destroyed_recording_count=len(qualification.destroyed),
        actor=ACTOR,
    )
    request.run_time.FromDatetime(qualification.run_time)
    request.min_encoder_input.FromTimedelta(timedelta(seconds=qualification.min_encoder_input))
    model = await RegistryServiceStub(channel).RecordQualification(request, timeout=TIMEOUT)
    return bool(model.resource.qualification.passed)


async def _text(channel: grpc.aio.Channel, model: str, recording: Referenced, mode: Options) -> tuple[str, str]:
    language = None if recording.language == AUTO else recording.language
    flow = Flow(FlowKey(f"qualification-{recording.name}"))
    start = SectionStart(ModelName(model), flow, replace(mode, language=language))
    audio = await asyncio.to_thread(pcm, recording)
    checksum, parts = "", []
    async for answer in AsrServiceStub(channel).Transcribe(_requests(start, audio)):
        match answer.WhichOneof("message"):
            case "started":
                checksum = answer.started.checksum
                check(wire.started_from_proto(answer.started), mode)
            case "segment":
                parts.append(answer.segment.text)
    return checksum, " ".join(parts)


def check(started: Started, mode: Options) -> None:
    """Raise EngineDiffers if the engine, for example an older one, does not run the requested configuration."""
    if (started.mode is DecodeMode.FAST) == (mode.mode is ModeChoice.ACCURATE):
        raise EngineDiffers("the engine chose another mode than the one asked for")
    if started.shortest_input != mode.shortest_input:
        raise EngineDiffers("the engine pads windows otherwise than asked for: is it of an older version?")


async def _requests(start: SectionStart, audio: Pcm) -> AsyncIterator[pb.TranscribeRequest]:
    yield pb.TranscribeRequest(start=wire.section_start_to_proto(start))
    for chunk in chunks(audio.astype("<i2").tobytes()):
        yield pb.TranscribeRequest(audio=wire.audio_to_proto(chunk))

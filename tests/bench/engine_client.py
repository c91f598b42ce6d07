"""Drive asr and diarizer over gRPC as the worker does: its own exchange, one stream a section."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field

import grpc
from locution.engine.v1 import asr_service_pb2 as asr
from locution.engine.v1 import asr_service_pb2_grpc, common_pb2, diarizer_service_pb2_grpc
from locution.engine.v1 import diarizer_service_pb2 as dia
from locution_gateway.pipeline.engines.exchange import Exchange
from locution_gateway.pipeline.engines.speech import chunks
from pyannote.core import Annotation

from tests.bench.recordings import RATE, Pcm
from tests.bench.scoring import annotation

MODES = {
    "default": asr.DECODE_PREFERENCE_UNSPECIFIED,
    "accurate": asr.DECODE_PREFERENCE_ACCURATE,
    "fast": asr.DECODE_PREFERENCE_FAST_UNQUALIFIED,
}
"""What a request may ask for; `fast` does not wait for its qualification, which the table then says."""

STALL_SECONDS = 1800.0
AT_ONCE = 16
"""Sections under way, as many as a worker's stages."""


@dataclass(slots=True)
class Heard:
    """What asr gave for a section; `latency` in seconds from the call."""

    segments: list[asr.AsrSegment] = field(default_factory=list)
    started: asr.TranscribeStarted = field(default_factory=asr.TranscribeStarted)
    done: asr.TranscribeDone = field(default_factory=asr.TranscribeDone)
    latency: float = 0.0

    @property
    def text(self) -> str:
        """Return what was said."""
        return " ".join(segment.text.strip() for segment in self.segments)


@dataclass(frozen=True, slots=True)
class Speech:
    """Transcribe through AsrService."""

    channel: grpc.aio.Channel
    model: str
    mode: str = "default"

    async def transcribe(self, audio: Pcm, language: str = "auto", *, flow: str = "bench") -> Heard:
        """Transcribe one section."""
        began, heard = time.perf_counter(), Heard()
        stub = asr_service_pb2_grpc.AsrServiceStub(self.channel)
        requests = speech_requests(start_message(self.model, self.mode, language, flow), audio)
        async with aclosing(Exchange(stub.Transcribe(), requests, STALL_SECONDS).answers()) as answers:
            async for answer in answers:
                match answer.WhichOneof("message"):
                    case "started":
                        heard.started = answer.started
                    case "segment":
                        heard.segments.append(answer.segment)
                    case "done":
                        heard.done = answer.done
        heard.latency = time.perf_counter() - began
        return heard

    async def all(self, audios: Sequence[Pcm], language: str = "auto") -> list[Heard]:
        """Transcribe sections, all sent at once, each in a flow of its own."""
        calls = (self.transcribe(audio, language, flow=f"bench-{number}") for number, audio in enumerate(audios))
        return list(await asyncio.gather(*calls))


@dataclass(frozen=True, slots=True)
class Speakers:
    """Tell speakers apart through DiarizerService."""

    channel: grpc.aio.Channel
    model: str

    async def diarize(self, sections: Sequence[Pcm]) -> Annotation:
        """Diarize a recording's sections side by side, cluster once, and return turns on its time line."""
        limit = asyncio.Semaphore(AT_ONCE)
        found = await asyncio.gather(*(self._section(audio, limit) for audio in sections))
        return await self.cluster(found)

    async def cluster(self, sections: Sequence[dia.SectionSpeakers]) -> Annotation:
        """Join sections."""
        stub = diarizer_service_pb2_grpc.DiarizerServiceStub(self.channel)
        requests = self._cluster_requests(sections)
        turns: list[tuple[float, float, str]] = []
        answered = offset = 0
        exchange = Exchange(stub.Cluster(), requests, STALL_SECONDS)
        exchange.admit()
        async with aclosing(exchange.answers()) as answers:
            async for answer in answers:
                turns += [_placed(turn, offset) for turn in answer.turns]
                offset += sections[answered].sample_count
                answered += 1
        return annotation(turns)

    async def _section(self, audio: Pcm, limit: asyncio.Semaphore) -> dia.SectionSpeakers:
        async with limit:
            return await self.section(audio)

    async def section(self, audio: Pcm) -> dia.SectionSpeakers:
        """Find one section's local speakers."""
        stub = diarizer_service_pb2_grpc.DiarizerServiceStub(self.channel)
        found = dia.SectionSpeakers()
        requests = speaker_requests(self.model, audio)
        async with aclosing(Exchange(stub.Diarize(), requests, STALL_SECONDS).answers()) as answers:
            async for answer in answers:
                if answer.WhichOneof("message") == "done":
                    found = answer.done.section
        return found

    async def _cluster_requests(self, sections: Sequence[dia.SectionSpeakers]) -> AsyncGenerator[dia.ClusterRequest]:
        yield dia.ClusterRequest(start=dia.ClusterStart(flow=_flow("bench"), model=self.model))
        for section in sections:
            yield dia.ClusterRequest(section=section)


def start_message(model: str, mode: str, language: str, flow: str) -> asr.TranscribeStart:
    """Return what the baseline does too: beam 5, word times."""
    return asr.TranscribeStart(
        flow=_flow(flow),
        model=model,
        language=language,
        beam_size=5,
        word_times=True,
        decode_preference=MODES[mode],
    )


async def whole(audio: Pcm) -> AsyncIterator[bytes]:
    """Yield a section's bytes."""
    yield audio.astype("<i2").tobytes()


async def speech_requests(begin: asr.TranscribeStart, audio: Pcm) -> AsyncGenerator[asr.TranscribeRequest]:
    """Yield what a stream of asr sends."""
    yield asr.TranscribeRequest(start=begin)
    async for chunk in chunks(lambda: whole(audio)):
        yield asr.TranscribeRequest(audio=chunk)


async def speaker_requests(model: str, audio: Pcm) -> AsyncGenerator[dia.DiarizeRequest]:
    """Yield what a stream of the diarizer sends."""
    yield dia.DiarizeRequest(start=dia.DiarizeStart(flow=_flow("bench"), model=model))
    async for chunk in chunks(lambda: whole(audio)):
        yield dia.DiarizeRequest(audio=chunk)


def _flow(key: str) -> common_pb2.Flow:
    return common_pb2.Flow(key=key, work_class=common_pb2.WORK_CLASS_FILE)


def _placed(turn: dia.SpeakerTurn, offset: int) -> tuple[float, float, str]:
    start, end = (offset + sample for sample in (turn.start_sample, turn.end_sample))
    return start / RATE, end / RATE, str(turn.speaker)

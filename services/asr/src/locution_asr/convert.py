"""Read request streams and convert events; `wire` converts the messages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from locution.engine.v1 import asr_service_pb2 as pb
from locution_common.errors import Reason, Refused
from locution_speech import requests as streams
from locution_speech import wire
from locution_speech.asr import Flush, ListenStart, SectionStart, Started
from locution_speech.engine.models import TrafficClass
from locution_speech.pcm import Chunk
from locution_speech.transcript import Segment

from locution_asr.core.streaming_session import LiveInput
from locution_asr.core.transcribe import Event, Progress
from locution_asr.domain.models import FRAME, PcmChunk, SectionReport


async def section_start(requests: AsyncIterator[pb.TranscribeRequest], monotonic: float) -> SectionStart:
    """Read the first message; `monotonic` is the event loop's time, which the deadline is converted to."""
    return wire.section_start_from_proto(await streams.opening(requests), monotonic)


async def pcm_chunks(requests: AsyncIterator[pb.TranscribeRequest]) -> AsyncIterator[PcmChunk]:
    """Yield the audio that follows."""
    async for chunk in streams.audio(requests):
        yield _samples(chunk)


def _samples(chunk: Chunk) -> PcmChunk:
    return PcmChunk(chunk.offset, np.frombuffer(chunk.data, "<i2"))


def response(event: Started | Event) -> pb.TranscribeResponse:
    """Convert an event."""
    match event:
        case Started():
            return pb.TranscribeResponse(started=wire.started_to_proto(event))
        case Segment():
            return pb.TranscribeResponse(segment=wire.segment_to_proto(event))
        case Progress():
            return pb.TranscribeResponse(progress=pb.TranscribeProgress(end_sample=event.end))
        case SectionReport():
            return pb.TranscribeResponse(done=wire.section_done_to_proto(event.done))


async def listen_start(requests: AsyncIterator[pb.ListenRequest], monotonic: float) -> ListenStart:
    """Read the first message. Refuses one that does not start a live stream with STREAM_PROTOCOL_VIOLATED."""
    start = wire.listen_start_from_proto(await streams.opening(requests), monotonic)
    if start.section.flow.traffic is not TrafficClass.LIVE:
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the work class of a live stream must be LIVE")
    if start.first % FRAME:
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, f"first_sample must be a multiple of {FRAME}")
    return start


async def inputs(requests: AsyncIterator[pb.ListenRequest], first: int) -> AsyncIterator[LiveInput]:
    """Yield what follows. Refuses a second start with STREAM_PROTOCOL_VIOLATED, gaps with AUDIO_OFFSET_MISMATCH."""
    checker = streams.checked_from(first)
    async for request in requests:
        match request.WhichOneof("message"):
            case "audio":
                yield _samples(checker.check(request.audio.start_sample, request.audio.pcm))
            case "flush":
                yield Flush()
            case "update":
                yield wire.update_from_proto(request.update)
            case _:
                raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "`start` must be the first message only")

"""Read the streams of requests, and answer with events; wire converts the messages."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
from locution.engine.v1 import asr_service_pb2 as pb
from locution_common.errors import Reason, Refused
from locution_speech import wire
from locution_speech.asr import Flush, ListenStart, SectionStart, Started
from locution_speech.clock import SAMPLE_RATE
from locution_speech.engine.models import TrafficClass
from locution_speech.pcm import OffsetChecker
from locution_speech.transcript import Segment

from locution_asr.core.streaming_session import LiveInput
from locution_asr.core.transcribe import Event, Progress
from locution_asr.domain.models import FRAME, PcmChunk, SectionReport

LONGEST_CHUNK = 2 * SAMPLE_RATE


async def section_start(requests: AsyncIterator[pb.TranscribeRequest], monotonic: float) -> SectionStart:
    """Read the first message; refused with STREAM_PROTOCOL_VIOLATED when it is anything but `start`.

    `monotonic` is the event loop's time, on which the deadline is placed.
    """
    request = await anext(requests, None)
    if request is None or request.WhichOneof("message") != "start":
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")
    return wire.section_start_from_proto(request.start, monotonic)


async def pcm_chunks(requests: AsyncIterator[pb.TranscribeRequest]) -> AsyncIterator[PcmChunk]:
    """Yield the audio; refused with STREAM_PROTOCOL_VIOLATED on any other message, AUDIO_OFFSET_MISMATCH on a gap."""
    checker = OffsetChecker(max_samples=LONGEST_CHUNK)
    async for request in requests:
        if request.WhichOneof("message") != "audio":
            raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "only `audio` may follow `start`")
        chunk = checker.check(request.audio.start_sample, request.audio.pcm)
        yield PcmChunk(chunk.offset, np.frombuffer(chunk.data, "<i2"))


def response(event: Started | Event) -> pb.TranscribeResponse:
    """Return the message that carries an event."""
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
    """Read the first message; refused with STREAM_PROTOCOL_VIOLATED when it is no `start` of a live stream."""
    request = await anext(requests, None)
    if request is None or request.WhichOneof("message") != "start":
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")
    start = wire.listen_start_from_proto(request.start, monotonic)
    if start.section.flow.traffic is not TrafficClass.LIVE:
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "a stream that listens is of the class LIVE")
    if start.first % FRAME:
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, f"first_sample must be a multiple of {FRAME}")
    return start


async def inputs(requests: AsyncIterator[pb.ListenRequest], first: int) -> AsyncIterator[LiveInput]:
    """Yield what follows; refused with STREAM_PROTOCOL_VIOLATED on a second start, AUDIO_OFFSET_MISMATCH on a gap."""
    checker = OffsetChecker(first, max_samples=LONGEST_CHUNK)
    async for request in requests:
        match request.WhichOneof("message"):
            case "audio":
                chunk = checker.check(request.audio.start_sample, request.audio.pcm)
                yield PcmChunk(chunk.offset, np.frombuffer(chunk.data, "<i2"))
            case "flush":
                yield Flush()
            case "update":
                yield wire.update_from_proto(request.update)
            case _:
                raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "`start` comes once, at the beginning")

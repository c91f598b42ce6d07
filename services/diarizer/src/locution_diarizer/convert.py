"""Read the streams of requests, and answer with events; wire converts the messages."""

from __future__ import annotations

from collections.abc import AsyncIterator

from locution.engine.v1 import diarizer_service_pb2 as pb
from locution_common.errors import Reason, Refused
from locution_speech import wire
from locution_speech.clock import SAMPLE_RATE
from locution_speech.pcm import Chunk, OffsetChecker
from locution_speech.speakers import SpeakerHints

from locution_diarizer.core.engine import Done, Event, Progress, Started
from locution_diarizer.domain.models import Start

LONGEST_CHUNK = 2 * SAMPLE_RATE


async def audio_start(requests: AsyncIterator[pb.DiarizeRequest], monotonic: float) -> Start:
    """Read the first message of Diarize; refused with STREAM_PROTOCOL_VIOLATED when it is not `start`.

    `monotonic` is the event loop's time, on which the deadline is placed.
    """
    request = await anext(requests, None)
    if request is None or request.WhichOneof("message") != "start":
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")
    return Start(*wire.opening_from_proto(request.start, monotonic))


async def cluster_start(requests: AsyncIterator[pb.ClusterRequest], monotonic: float) -> tuple[Start, SpeakerHints]:
    """Read the first message of Cluster; refused with STREAM_PROTOCOL_VIOLATED when it is not `start`."""
    request = await anext(requests, None)
    if request is None or request.WhichOneof("message") != "start":
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")
    return Start(*wire.opening_from_proto(request.start, monotonic)), wire.hints_from_proto(request.start)


async def pcm_chunks(requests: AsyncIterator[pb.DiarizeRequest]) -> AsyncIterator[Chunk]:
    """Yield the audio; refused with STREAM_PROTOCOL_VIOLATED on any other message, AUDIO_OFFSET_MISMATCH on a gap."""
    checker = OffsetChecker(max_samples=LONGEST_CHUNK)
    async for request in requests:
        if request.WhichOneof("message") != "audio":
            raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "only `audio` may follow `start`")
        yield checker.check(request.audio.start_sample, request.audio.pcm)


async def section_states(requests: AsyncIterator[pb.ClusterRequest]) -> AsyncIterator[bytes]:
    """Yield the state of each section; refused with STREAM_PROTOCOL_VIOLATED on any other message."""
    async for request in requests:
        if request.WhichOneof("message") != "section":
            raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "only `section` may follow `start`")
        yield request.section.state


def response(event: Event) -> pb.DiarizeResponse:
    """Return the message that carries an event."""
    match event:
        case Started():
            return pb.DiarizeResponse(
                started=pb.DiarizeStarted(model=event.model, checksum=event.checksum, device=event.device)
            )
        case Progress():
            return pb.DiarizeResponse(progress=pb.DiarizeProgress(end_sample=event.end))
        case Done():
            return pb.DiarizeResponse(done=wire.diarize_done_to_proto(event.section, event.timings))

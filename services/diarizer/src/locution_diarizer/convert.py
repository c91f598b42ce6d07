"""Read request streams and convert events; `wire` converts the messages."""

from __future__ import annotations

from collections.abc import AsyncIterator

from locution.engine.v1 import diarizer_service_pb2 as pb
from locution_speech import requests as streams
from locution_speech import wire_speakers
from locution_speech.speakers import SpeakerHints

from locution_diarizer.core.engine import Done, Event, Progress, Started
from locution_diarizer.domain.models import Start


async def audio_start(requests: AsyncIterator[pb.DiarizeRequest], monotonic: float) -> Start:
    """Read the first message of Diarize; `monotonic` is the event loop's time, which the deadline is converted to."""
    return Start(*wire_speakers.opening_from_proto(await streams.opening(requests), monotonic))


async def cluster_start(requests: AsyncIterator[pb.ClusterRequest], monotonic: float) -> tuple[Start, SpeakerHints]:
    """Read the first message of Cluster."""
    start = await streams.opening(requests)
    return Start(*wire_speakers.opening_from_proto(start, monotonic)), wire_speakers.hints_from_proto(start)


async def section_states(requests: AsyncIterator[pb.ClusterRequest]) -> AsyncIterator[bytes]:
    """Yield the state of each section."""
    async for section in streams.following(requests, "section"):
        yield section.state


def response(event: Event) -> pb.DiarizeResponse:
    """Convert an event."""
    match event:
        case Started():
            return pb.DiarizeResponse(
                started=pb.DiarizeStarted(model=event.model, checksum=event.checksum, device=event.device)
            )
        case Progress():
            return pb.DiarizeResponse(progress=pb.DiarizeProgress(end_sample=event.end))
        case Done():
            return pb.DiarizeResponse(done=wire_speakers.diarize_done_to_proto(event.section, event.timings))

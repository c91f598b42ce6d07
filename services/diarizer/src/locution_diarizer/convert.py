"""Translate between the protos and the domain."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Protocol

from locution.engine.v1 import common_pb2
from locution.engine.v1 import diarizer_service_pb2 as pb
from locution_common.engine.models import FlowKey, TrafficClass, WeightName
from locution_common.errors import Reason, Refused
from locution_common.pcm import OffsetChecker

from locution_diarizer.core.cluster import Clustered
from locution_diarizer.core.engine import Done, Event, Progress, Started
from locution_diarizer.domain.models import Flow, PcmChunk, SpeakerHints, Start, Timings, Voice

LONGEST_CHUNK = 32_000

_TRAFFIC = {
    common_pb2.WORK_CLASS_LIVE: TrafficClass.LIVE,
    common_pb2.WORK_CLASS_FILE: TrafficClass.FILE,
}


class _StartMessage(Protocol):
    @property
    def flow(self) -> common_pb2.Flow: ...
    @property
    def model(self) -> str: ...


async def audio_start(requests: AsyncIterator[pb.DiarizeRequest], monotonic: float) -> Start:
    """Read the first message of Diarize; refused with STREAM_PROTOCOL_VIOLATED when it is not `start`.

    `monotonic` is the event loop's time, on which the deadline is placed.
    """
    request = await anext(requests, None)
    if request is None or request.WhichOneof("message") != "start":
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")
    return _start(request.start, monotonic)


async def cluster_start(requests: AsyncIterator[pb.ClusterRequest], monotonic: float) -> tuple[Start, SpeakerHints]:
    """Read the first message of Cluster; refused with STREAM_PROTOCOL_VIOLATED when it is not `start`."""
    request = await anext(requests, None)
    if request is None or request.WhichOneof("message") != "start":
        raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "the first message must be `start`")
    return _start(request.start, monotonic), _hints(request.start)


async def pcm_chunks(requests: AsyncIterator[pb.DiarizeRequest]) -> AsyncIterator[PcmChunk]:
    """Yield the audio; refused with STREAM_PROTOCOL_VIOLATED on any other message, AUDIO_OFFSET_MISMATCH on a gap."""
    checker = OffsetChecker(max_samples=LONGEST_CHUNK)
    async for request in requests:
        if request.WhichOneof("message") != "audio":
            raise Refused(Reason.STREAM_PROTOCOL_VIOLATED, "only `audio` may follow `start`")
        chunk = checker.check(request.audio.start_sample, request.audio.pcm)
        yield PcmChunk(chunk.offset, chunk.data)


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
                started=pb.DiarizeStarted(model=event.weight, checksum=event.checksum, device=event.device)
            )
        case Progress():
            return pb.DiarizeResponse(progress=pb.DiarizeProgress(end_sample=event.end))
        case Done():
            return pb.DiarizeResponse(done=pb.DiarizeDone(section=_section(event), timings=_timings(event.timings)))


def cluster_responses(clustered: Clustered) -> Iterator[pb.ClusterResponse]:
    """Give one message a section, the last with the voices."""
    last = len(clustered.sections) - 1
    for index, turns in enumerate(clustered.sections):
        yield pb.ClusterResponse(
            turns=[pb.SpeakerTurn(start_sample=t.start, end_sample=t.end, speaker=t.speaker) for t in turns],
            voices=[_voice(voice) for voice in clustered.voices] if index == last else [],
        )


def _start(start: _StartMessage, monotonic: float) -> Start:
    flow = start.flow
    return Start(
        Flow(FlowKey(flow.key), flow.weight or 1, _TRAFFIC[flow.work_class], _deadline(flow, monotonic)),
        WeightName(start.model),
    )


def _deadline(flow: common_pb2.Flow, monotonic: float) -> float | None:
    if not flow.HasField("deadline"):
        return None
    wanted = flow.deadline.ToDatetime(tzinfo=UTC)
    return monotonic + (wanted - datetime.now(UTC)).total_seconds()


def _hints(start: pb.ClusterStart) -> SpeakerHints:
    return SpeakerHints(
        exact=start.speaker_count if start.HasField("speaker_count") else None,
        minimum=start.min_speaker_count if start.HasField("min_speaker_count") else None,
        maximum=start.max_speaker_count if start.HasField("max_speaker_count") else None,
    )


def _section(event: Done) -> pb.SectionSpeakers:
    section = event.section
    return pb.SectionSpeakers(
        sample_count=section.sample_count,
        speakers=[
            pb.LocalSpeaker(id=v.speaker, embedding=v.embedding.tolist(), speech_sample_count=v.speech_samples)
            for v in section.voices
        ],
        turns=[pb.LocalTurn(start_sample=t.start, end_sample=t.end, speaker_id=t.speaker) for t in section.turns],
        state=section.state,
    )


def _timings(timings: Timings) -> common_pb2.EngineTimings:
    return common_pb2.EngineTimings(
        queue_seconds=timings.queue_seconds,
        compute_seconds=timings.compute_seconds,
        windows=timings.windows,
        mean_batch_size=timings.mean_batch_size,
    )


def _voice(voice: Voice) -> pb.SpeakerVoice:
    return pb.SpeakerVoice(speaker=voice.speaker, embedding=voice.embedding.tolist())

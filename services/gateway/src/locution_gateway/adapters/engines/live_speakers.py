"""Who speaks in live audio, by any diarizer replica behind a channel."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import grpc
from locution.engine.v1 import common_pb2, diarizer_service_pb2_grpc
from locution.engine.v1 import diarizer_service_pb2 as pb
from locution_common.errors import Reason, Refused

from locution_gateway.adapters.engines.exchange import Exchange
from locution_gateway.adapters.engines.speakers import check_section
from locution_gateway.domain.config import DiarizationConfig
from locution_gateway.domain.identity import Principal
from locution_gateway.domain.live_speakers import HeardSpeakers, LocalTurn, LocalVoice
from locution_gateway.domain.stages import SpeakerSpan

STALL_SECONDS: Final = 60.0
CLUSTER_SECONDS: Final = 600.0
"""Seconds that the clustering of a session of many hours may take until its first answer."""

PIECE: Final = 32_000
"""Bytes of audio in one message: a second."""


class GrpcLiveSpeakers:
    """Diarizers over gRPC; a tenant's sessions share one flow."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = diarizer_service_pb2_grpc.DiarizerServiceStub(channel)

    async def hear(self, principal: Principal, wanted: DiarizationConfig, pcm: bytes) -> HeardSpeakers:
        """Find who speaks in a stretch of audio."""
        begin = pb.DiarizeStart(flow=_flow(principal), model=wanted.model.path)
        exchange = Exchange(self._stub.Diarize(), _section(begin, pcm), STALL_SECONDS)
        found = None
        async with aclosing(exchange.answers()) as answers:
            async for answer in answers:
                if answer.WhichOneof("message") == "done":
                    found = answer.done.section
        if found is None:
            raise Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine ended a section without its result")
        check_section(found, len(pcm) // 2)
        return _heard(found)

    async def cluster(
        self, principal: Principal, wanted: DiarizationConfig, sections: AsyncGenerator[bytes]
    ) -> AsyncGenerator[tuple[SpeakerSpan, ...]]:
        """Join sections' speakers into speakers of the session; one answer a section, in order."""
        start = pb.ClusterStart(
            flow=_flow(principal),
            model=wanted.model.path,
            speaker_count=wanted.speaker_count,
            min_speaker_count=wanted.min_speaker_count,
            max_speaker_count=wanted.max_speaker_count,
        )
        exchange = Exchange(self._stub.Cluster(), _clustered(start, sections), CLUSTER_SECONDS)
        exchange.admit()
        async with aclosing(exchange.answers()) as answers:
            async for answer in answers:
                yield tuple(SpeakerSpan(turn.start_sample, turn.end_sample, turn.speaker) for turn in answer.turns)


def _flow(principal: Principal) -> common_pb2.Flow:
    return common_pb2.Flow(key=f"live-{principal.tenant_id.hex}", weight=1, work_class=common_pb2.WORK_CLASS_LIVE)


async def _section(begin: pb.DiarizeStart, pcm: bytes) -> AsyncGenerator[pb.DiarizeRequest]:
    yield pb.DiarizeRequest(start=begin)
    for at in range(0, len(pcm), PIECE):
        chunk = common_pb2.AudioChunk(start_sample=at // 2, pcm=pcm[at : at + PIECE])
        yield pb.DiarizeRequest(audio=chunk)


async def _clustered(start: pb.ClusterStart, sections: AsyncGenerator[bytes]) -> AsyncGenerator[pb.ClusterRequest]:
    yield pb.ClusterRequest(start=start)
    async with aclosing(sections):
        async for body in sections:
            yield pb.ClusterRequest(section=pb.SectionSpeakers.FromString(body))


def _heard(section: pb.SectionSpeakers) -> HeardSpeakers:
    return HeardSpeakers(
        tuple(LocalVoice(voice.id, tuple(voice.embedding), voice.speech_sample_count) for voice in section.speakers),
        tuple(LocalTurn(turn.start_sample, turn.end_sample, turn.speaker_id) for turn in section.turns),
        section.SerializeToString(deterministic=True),
    )

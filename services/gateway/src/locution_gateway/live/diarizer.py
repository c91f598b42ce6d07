"""Diarize live audio by any diarizer replica behind a channel."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import grpc
from locution.engine.v1 import diarizer_service_pb2 as pb
from locution.engine.v1 import diarizer_service_pb2_grpc
from locution_common.errors import Reason, Refused
from locution_speech import pcm, wire, wire_speakers
from locution_speech.clock import SAMPLE_WIDTH
from locution_speech.engine.models import Flow, FlowKey, TrafficClass
from locution_speech.speakers import Turn

from locution_gateway.jobs.config import DiarizationConfig
from locution_gateway.live.speakers import HeardSpeakers
from locution_gateway.pipeline.engines.exchange import Exchange, believed
from locution_gateway.pipeline.engines.speakers import check_section, hints
from locution_gateway.platform.principal import Principal
from locution_gateway.quotas.slots import Shares

STALL_SECONDS: Final = 60.0
CLUSTER_SECONDS: Final = 600.0
"""Seconds until the first answer of a clustering, which may cover a session of many hours."""


class GrpcLiveSpeakers:
    """Diarizers. A refusal with `retry_after` comes before any result."""

    def __init__(self, channel: grpc.aio.Channel, shares: Shares) -> None:
        self._stub = diarizer_service_pb2_grpc.DiarizerServiceStub(channel)
        self._shares = shares

    async def hear(self, principal: Principal, wanted: DiarizationConfig, audio: bytes) -> HeardSpeakers:
        """Diarize a stretch of audio."""
        flow = live_flow(principal, await self._shares(principal.tenant_id))
        begin = wire_speakers.diarize_start_to_proto(flow, wanted.model.path)
        exchange = Exchange(self._stub.Diarize(), _section(begin, audio), STALL_SECONDS)
        found = None
        async with aclosing(exchange.answers()) as answers:
            async for answer in answers:
                if answer.WhichOneof("message") == "done":
                    found = answer.done.section
        if found is None:
            raise Refused(Reason.DEPENDENCY_UNAVAILABLE, "the engine ended a section without a result")
        return HeardSpeakers(check_section(found, len(audio) // SAMPLE_WIDTH), wire_speakers.section_to_bytes(found))

    async def cluster(
        self, principal: Principal, wanted: DiarizationConfig, sections: AsyncGenerator[bytes]
    ) -> AsyncGenerator[tuple[Turn[int], ...]]:
        """Join the speakers of sections into speakers of the session; yield one answer per section, in order."""
        flow = live_flow(principal, await self._shares(principal.tenant_id))
        start = wire_speakers.cluster_start_to_proto(flow, wanted.model.path, hints(wanted))
        exchange = Exchange(self._stub.Cluster(), _clustered(start, sections), CLUSTER_SECONDS)
        exchange.admit()
        async with aclosing(exchange.answers()) as answers:
            async for answer in answers:
                with believed():
                    turns = wire_speakers.turns_from_proto(answer)
                yield turns


def live_flow(principal: Principal, share: int) -> Flow:
    """Return who asks, for fair sharing: all live streams of a tenant together."""
    return Flow(FlowKey(f"live-{principal.tenant_id.hex}"), share, TrafficClass.LIVE)


async def _section(begin: pb.DiarizeStart, data: bytes) -> AsyncGenerator[pb.DiarizeRequest]:
    yield pb.DiarizeRequest(start=begin)
    for chunk in pcm.chunks(data):
        yield pb.DiarizeRequest(audio=wire.audio_to_proto(chunk))


async def _clustered(start: pb.ClusterStart, sections: AsyncGenerator[bytes]) -> AsyncGenerator[pb.ClusterRequest]:
    yield pb.ClusterRequest(start=start)
    async with aclosing(sections):
        async for body in sections:
            yield wire_speakers.section_from_bytes(body)

"""Resources that live streams share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from locution_common.clock import Clock

from locution_gateway.live.diarizer import GrpcLiveSpeakers
from locution_gateway.live.engine import GrpcLiveEngine
from locution_gateway.live.metrics import LiveMetrics
from locution_gateway.live.postgres import PostgresLive
from locution_gateway.media.stream import StreamDecoders
from locution_gateway.uploads.ports import ObjectBytes


@dataclass(frozen=True, slots=True)
class LiveParts:
    """The resources of a stream."""

    store: PostgresLive
    objects: ObjectBytes
    engine: GrpcLiveEngine
    decoders: StreamDecoders
    observer: LiveMetrics
    clock: Clock
    stopping: asyncio.Event
    speakers: GrpcLiveSpeakers | None = None

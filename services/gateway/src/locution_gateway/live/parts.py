"""What live streams share."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from locution_common.clock import Clock

from locution_gateway.live.ports import LiveEngine, LiveObserver, LiveSpeakers, LiveStore
from locution_gateway.media.stream import StreamDecoders
from locution_gateway.uploads.ports import ObjectBytes


@dataclass(frozen=True, slots=True)
class LiveParts:
    """What a stream works with."""

    store: LiveStore
    objects: ObjectBytes
    engine: LiveEngine
    decoders: StreamDecoders
    observer: LiveObserver
    clock: Clock
    stopping: asyncio.Event
    speakers: LiveSpeakers | None = None

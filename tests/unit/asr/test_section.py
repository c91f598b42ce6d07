"""A section's windows: how many are under way, and that each gives its place back once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from locution_asr.core.conclude import Recognised
from locution_asr.core.transcribe import Event, TranscribeSection
from locution_asr.domain.models import PcmChunk, Piece, Window, WindowTiming
from locution_speech.asr import DecodeMode
from locution_speech.clock import Span
from locution_speech.engine.in_flight import BATCHES, InFlightLimiter
from locution_speech.transcript import CoverageSpan, Outcome

LENGTH = 100
CHUNKS = 20


@dataclass
class Endpointer:
    """Make a window of every chunk."""

    heard: int = 0

    async def hear(self, pcm: Any) -> list[Window]:
        span = Span(self.heard, self.heard + len(pcm))
        self.heard += len(pcm)
        return [Window(span.start // LENGTH, pcm, (Piece(0, span, (span,)),))]

    def forget(self, sample: int) -> None: ...

    async def finish(self) -> list[Window]:
        return []


@dataclass
class Recognise:
    """Recognise nothing, and not before the gate opens."""

    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, window: Window) -> Recognised:
        await self.gate.wait()
        coverage = (CoverageSpan(window.span.start, window.span.end, Outcome.NO_SPEECH),)
        return Recognised((), coverage, WindowTiming(0.0, 0.0, 1, 1), 0, 0)


async def test_reading_stops_while_the_share_is_under_way_and_goes_on_as_windows_end() -> None:
    read = 0

    async def chunks() -> AsyncIterator[PcmChunk]:
        nonlocal read
        for at in range(CHUNKS):
            read += 1
            yield PcmChunk(at * LENGTH, np.zeros(LENGTH, np.int16))

    async def emit(event: Event) -> None:
        pass

    endpointer: Any = Endpointer()
    recognise: Any = Recognise()
    with InFlightLimiter(slots=1).section(batch_size=1) as allowance:
        section = TranscribeSection(endpointer, recognise, DecodeMode.FAST, allowance, longest=CHUNKS * LENGTH)
        run = asyncio.create_task(section.run(chunks(), emit))
        for _ in range(5 * CHUNKS):
            await asyncio.sleep(0)
        assert read == BATCHES + 1
        recognise.gate.set()
        report = await asyncio.wait_for(run, 30)
        assert (read, report.length, len(report.windows)) == (CHUNKS, CHUNKS * LENGTH, CHUNKS)
        for _ in range(BATCHES):
            assert not allowance.full, "every window gave its place back"
            await allowance.take()
        assert allowance.full

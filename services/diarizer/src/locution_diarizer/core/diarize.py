"""Diarize one section: cut its audio into windows, analyse them through the shared queue, and collect the results."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Iterable

import numpy as np
from locution_common.errors import Reason, Refused
from locution_speech.clock import seconds
from locution_speech.engine.in_flight import Allowance
from locution_speech.engine.models import Flow, Timings
from locution_speech.pcm import Chunk

from locution_diarizer.core.dispatch import Analysed, Analysing, WindowRequest
from locution_diarizer.core.windows import Window, WindowCutter
from locution_diarizer.domain.models import Grid, SectionWindows, WindowSpeakers
from locution_diarizer.domain.ports import LoadedModel


class DiarizeSection:
    """Process one section of at most `longest` samples. Reading waits while its allowance of windows is in flight."""

    def __init__(
        self, dispatcher: Analysing, model: LoadedModel, flow: Flow, longest: int, allowance: Allowance
    ) -> None:
        self._dispatcher = dispatcher
        self._model = model
        self._flow = flow
        self._longest = longest
        self._allowance = allowance
        self._cutter = WindowCutter(model.speaker_model.grid)
        self._pending: deque[tuple[int, asyncio.Task[Analysed]]] = deque()
        self._heard: list[WindowSpeakers] = []
        self.timings = Timings()

    async def run(self, chunks: AsyncIterator[Chunk]) -> AsyncGenerator[int, None]:
        """Read all chunks; yield the sample up to which everything is done, as it grows."""
        try:
            async for chunk in chunks:
                if self._cutter.received + chunk.samples > self._longest:
                    raise Refused(
                        Reason.AUDIO_TOO_LONG, f"a section holds at most {seconds(self._longest):.0f} s of audio"
                    )
                async for end in self._start(self._cutter.feed(chunk.data)):
                    yield end
            async for end in self._start(self._cutter.finish()):
                yield end
            while self._pending:
                yield await self._next()
        finally:
            await self._abandon()

    def result(self) -> SectionWindows:
        """Return the result."""
        grid = self._model.speaker_model.grid
        if not self._heard:
            return _nothing(self._cutter.received, grid)
        return SectionWindows.of(self._cutter.received, grid, self._heard)

    async def _start(self, windows: Iterable[Window]) -> AsyncIterator[int]:
        for window in windows:
            while self._allowance.full:
                yield await self._next()
            await self._allowance.take()
            request = WindowRequest(self._flow, self._model, window.audio)
            self._pending.append((window.end, asyncio.create_task(self._dispatcher.submit(request))))
        while self._pending and self._pending[0][1].done():
            yield await self._next()

    async def _next(self) -> int:
        end, task = self._pending[0]
        served = await task
        self._pending.popleft()
        self._allowance.give_back()
        self._heard.append(served.result)
        self.timings = self.timings.add(queued=served.waited, computed=served.computed, batch_size=served.batch_size)
        return end

    async def _abandon(self) -> None:
        tasks = [task for _, task in self._pending]
        self._pending.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _nothing(sample_count: int, grid: Grid) -> SectionWindows:
    return SectionWindows(sample_count, grid, np.zeros((0, grid.frames, 1), np.bool_), np.zeros((0, 1, 1), np.float16))

"""Keep the device busy: whenever a slot is free, the most urgent batch of windows goes to a thread."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from locution_diarizer.core.queue import WindowQueue
from locution_diarizer.domain.errors import InferenceFailed
from locution_diarizer.domain.models import Flow, FlowKey, Samples, TrafficClass, WindowVoices
from locution_diarizer.domain.ports import LoadedWeight, Observer

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class WindowJob:
    """Hold one window that waits to be analysed; `cost` is in seconds of new audio."""

    asked_by: Flow
    weight: LoadedWeight
    audio: Samples

    @property
    def flow(self) -> FlowKey:
        """Name the flow that it is counted against."""
        return self.asked_by.key

    @property
    def flow_weight(self) -> float:
        """Give its flow's share."""
        return float(self.asked_by.weight)

    @property
    def traffic(self) -> TrafficClass:
        """Give its class."""
        return self.asked_by.traffic

    @property
    def deadline(self) -> float | None:
        """Say when it is wanted, by the event loop's clock."""
        return self.asked_by.deadline

    @property
    def cost(self) -> float:
        """Give the seconds of audio that it advances its section by."""
        return self.weight.model.grid.step / 16000

    @property
    def shape(self) -> Hashable:
        """Share a batch with windows of the same weight: they are all equally long."""
        return id(self.weight)

    @property
    def batch_size(self) -> int:
        """Give the windows that a batch may hold."""
        return self.weight.batch_size


@dataclass(frozen=True, slots=True)
class Served:
    """Hold what a window gave, the seconds that it waited, its share of the batch's seconds, and the batch's size."""

    voices: WindowVoices
    waited: float
    computed: float
    batch_size: int


class Dispatcher:
    """Take windows from any number of sections and analyse them in batches, `slots` batches at once.

    It owns the queue and belongs to one event loop. A caller that is cancelled takes its window out of the queue; a
    batch that already runs is finished and the caller's part of it is forgotten. A batch that fails is run again
    window by window, so that one poison window fails alone.
    """

    def __init__(self, queue: WindowQueue[WindowJob], executor: Executor, slots: int, observer: Observer) -> None:
        self._queue = queue
        self._executor = executor
        self._free = slots
        self._slots = slots
        self._observer = observer
        self._waiting: dict[WindowJob, tuple[asyncio.Future[Served], float]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._woken = False
        self._pace = 0.05

    @property
    def waiting(self) -> int:
        """Count the windows in the queue."""
        return len(self._queue)

    @property
    def backlog(self) -> float:
        """Estimate the seconds until the queue is empty, from the pace measured so far."""
        return self._queue.cost * self._pace / self._slots

    async def submit(self, job: WindowJob) -> Served:
        """Queue a window and return what it gave; raises InferenceFailed."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Served] = loop.create_future()
        self._waiting[job] = (future, loop.time())
        self._queue.push(job)
        self._wake(loop)
        try:
            return await future
        finally:
            self._waiting.pop(job, None)
            self._queue.remove(job)

    async def settle(self) -> None:
        """Return when no batch runs any more."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look for work once all that is ready to submit has submitted, so that batches fill."""
        if not self._woken:
            self._woken = True
            loop.call_soon(self._start_batches)

    def _start_batches(self) -> None:
        self._woken = False
        loop = asyncio.get_running_loop()
        while self._free and len(self._queue):
            batch = self._queue.take(loop.time(), -(-len(self._queue) // self._free))
            self._free -= 1
            task = loop.create_task(self._run(batch, loop.time()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, batch: Sequence[WindowJob], started: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            results = await loop.run_in_executor(self._executor, _listen, batch)
        finally:
            self._free += 1
            self._wake(loop)
        elapsed = loop.time() - started
        self._pace += 0.1 * (elapsed / sum(job.cost for job in batch) - self._pace)
        self._observer.batch(len(batch), elapsed, len(self._queue))
        self._deliver(batch, results, started, elapsed / len(batch))

    def _deliver(
        self, batch: Sequence[WindowJob], results: Sequence[WindowVoices | Exception], started: float, computed: float
    ) -> None:
        for job, result in zip(batch, results, strict=True):
            future, queued = self._waiting.get(job, (None, 0.0))
            if future is None or future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(InferenceFailed("the model failed on a window of the audio"))
            else:
                future.set_result(Served(result, started - queued, computed, len(batch)))


def _listen(batch: Sequence[WindowJob]) -> list[WindowVoices | Exception]:
    model = batch[0].weight.model
    try:
        return [*model.listen([job.audio for job in batch])]
    except Exception as error:  # noqa: BLE001 - whatever a model raises is one window's failure, reported to its caller
        if len(batch) == 1:
            _log.error("the model failed on a window", exc_info=error)
            return [error]
    return [result for job in batch for result in _listen([job])]

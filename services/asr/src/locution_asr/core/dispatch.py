"""Keep the device busy: whenever a slot is free, the most urgent batch goes to a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

from locution_asr.core.decode import Attempt, Job
from locution_asr.core.queue import WindowQueue
from locution_asr.domain.models import WINDOW_SECONDS, TrafficClass
from locution_asr.domain.ports import Observer

LIVE_MEMORY = 3.0
"""Seconds after a live window in which the next one is awaited."""

LONGEST_WAIT = 0.5
"""Seconds that a batch of files may keep a live window from the only slot."""

Decode = Callable[[Sequence[Job]], list[Attempt]]


@dataclass(frozen=True, slots=True)
class Served:
    """Hold an attempt and the seconds that its job waited."""

    attempt: Attempt
    waited: float


class Dispatcher:
    """Take jobs from any number of callers and decode them in batches, `slots` batches at once.

    It owns the queue and belongs to one event loop. A caller that is cancelled takes its job out of the queue; a
    batch that already runs is finished and the caller's part of it is forgotten. While live windows come, files leave
    one slot free for them; where there is but one slot, their batches stay short.
    """

    def __init__(
        self, queue: WindowQueue[Job], decode: Decode, executor: Executor, slots: int, observer: Observer
    ) -> None:
        self._queue = queue
        self._decode = decode
        self._executor = executor
        self._observer = observer
        self._free = slots
        self._slots = slots
        self._waiting: dict[Job, tuple[asyncio.Future[Served], float]] = {}
        self._running: set[asyncio.Task[None]] = set()
        self._woken = False
        self._pace = 0.25
        self._files = 0
        self._live_until = 0.0

    @property
    def queued_cost(self) -> float:
        """Sum the seconds of audio that wait."""
        return self._queue.cost

    @property
    def running(self) -> int:
        """Count the batches in flight."""
        return self._slots - self._free

    @property
    def backlog(self) -> float:
        """Estimate the seconds until the queue is empty, from the pace measured so far."""
        return self._queue.cost * self._pace / self._slots

    async def submit(self, job: Job) -> Served:
        """Queue a job and return what it gave."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Served] = loop.create_future()
        self._waiting[job] = (future, loop.time())
        self._queue.push(job)
        if job.traffic is TrafficClass.LIVE:
            self._live_until = loop.time() + LIVE_MEMORY
        self._wake(loop)
        try:
            return await future
        finally:
            self._waiting.pop(job, None)
            self._queue.remove(job)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look for work once all that is ready to submit has submitted, so that batches fill."""
        if not self._woken:
            self._woken = True
            loop.call_soon(self._start_batches)

    def _start_batches(self) -> None:
        self._woken = False
        loop = asyncio.get_running_loop()
        while self._free and len(self._queue):
            batch = self._queue.take(loop.time(), self._room_for_files(loop.time()))
            if not batch:
                loop.call_at(self._live_until, self._wake, loop)
                break
            self._free -= 1
            self._files += batch[0].traffic is TrafficClass.FILE
            task = loop.create_task(self._run(batch, loop.time()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _room_for_files(self, now: float) -> int | None:
        """Return how many windows of files a batch may hold; None sets no limit."""
        if now >= self._live_until:
            return None
        if self._slots > 1:
            return 0 if self._files >= self._slots - 1 else None
        return max(1, int(LONGEST_WAIT / (self._pace * WINDOW_SECONDS)))

    async def _run(self, batch: Sequence[Job], started: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            attempts = await loop.run_in_executor(self._executor, self._decode, batch)
        except Exception as error:  # noqa: BLE001 - handed to every caller of the batch, none is swallowed
            self._refuse(batch, error)
        else:
            self._measure(batch, loop.time() - started)
            self._deliver(batch, attempts, started)
        finally:
            self._free += 1
            self._files -= batch[0].traffic is TrafficClass.FILE
            self._wake(loop)

    def _deliver(self, batch: Sequence[Job], attempts: Sequence[Attempt], started: float) -> None:
        for job, attempt in zip(batch, attempts, strict=True):
            future, queued = self._waiting.get(job, (None, 0.0))
            if future is not None and not future.done():
                future.set_result(Served(attempt, started - queued))

    def _refuse(self, batch: Sequence[Job], error: Exception) -> None:
        """Hand a fault of ours to every caller of the batch; each logs and reports it as its own."""
        for job in batch:
            future, _ = self._waiting.get(job, (None, 0.0))
            if future is not None and not future.done():
                future.set_exception(error)

    def _measure(self, batch: Sequence[Job], elapsed: float) -> None:
        pace = elapsed / sum(job.cost for job in batch)
        self._pace += 0.1 * (pace - self._pace)
        self._observer.batch(len(batch), elapsed)

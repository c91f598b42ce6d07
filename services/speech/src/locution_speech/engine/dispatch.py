"""Keep the device busy: when a slot is free, the most urgent batch goes to a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from .models import Flow, TrafficClass
from .queue import UNLIMITED, Item, Room, WindowQueue

T = TypeVar("T", bound=Item)
R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

NEWEST = 0.1
"""Weight of the newest batch in the moving average of the pace."""


@dataclass(frozen=True, slots=True)
class Served(Generic[R_co]):
    """The result of an item, the seconds that it waited, its share of its batch's seconds, and the batch's size."""

    result: R_co
    waited: float
    computed: float
    batch_size: int


@dataclass(frozen=True, slots=True)
class Load:
    """The current load: items waiting and their cost, slots free and in all, batches of files running, and the pace.

    `now` is the event loop's time, `pace` the seconds that a slot takes for a second of audio.
    """

    now: float
    waiting: int
    cost: float
    free: int
    slots: int
    files: int
    pace: float


class Sharing(Protocol):
    """Decides how much of a free slot a batch may take."""

    def note(self, traffic: TrafficClass, now: float) -> None:
        """Record a submitted item."""
        ...

    def room(self, load: Load) -> Room:
        """Return how many items the next batch may hold."""
        ...

    def again(self) -> float:
        """Return the event loop's time at which to check again for what `room` holds back."""
        ...


class FullBatches:
    """Fills every batch as far as its model allows."""

    def note(self, traffic: TrafficClass, now: float) -> None:
        """Do nothing."""

    def room(self, load: Load) -> Room:
        """Return no limit."""
        return UNLIMITED

    def again(self) -> float:
        """Return at once: nothing is held back."""
        return 0.0


class BatchObserver(Protocol):
    """Measures batches; never raises, never blocks."""

    def batch(self, size: int, most: int, elapsed: float) -> None:
        """Record a batch: its windows, the most that it takes, and its seconds."""
        ...


class Dispatcher(Generic[T, R]):
    """Take items from any number of callers and compute them in batches, `slots` batches at once.

    It owns the queue and belongs to one event loop. `work` runs in `executor` and returns a result or an exception for
    each item; if it raises, all callers of the batch get the exception. A cancelled caller's item leaves the queue; a
    batch that already runs completes, and that caller's result is dropped. `pace` is the initial estimate.
    """

    def __init__(
        self,
        queue: WindowQueue[T],
        work: Callable[[Sequence[T]], Sequence[R | Exception]],
        executor: Executor,
        slots: int,
        observer: BatchObserver,
        *,
        sharing: Sharing | None = None,
        pace: float = 0.25,
    ) -> None:
        self._queue = queue
        self._work = work
        self._executor = executor
        self._observer = observer
        self._sharing = sharing or FullBatches()
        self._free = slots
        self._slots = slots
        self._files = 0
        self._pace = pace
        self._waiting: dict[T, tuple[asyncio.Future[Served[R]], float]] = {}
        self._computing: set[T] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._woken = False

    @property
    def waiting(self) -> int:
        """Return the number of items in the queue."""
        return len(self._queue)

    @property
    def queued_cost(self) -> float:
        """Return the seconds of audio that wait."""
        return self._queue.cost

    @property
    def running(self) -> int:
        """Return the number of batches in flight."""
        return self._slots - self._free

    @property
    def free(self) -> int:
        """Return the number of batches that may still start at once."""
        return self._free

    def computes(self, flow: Flow) -> bool:
        """Tell whether a running batch holds an item of this flow object, even if its caller was cancelled."""
        return any(item.flow is flow for item in self._computing)

    @property
    def backlog(self) -> float:
        """Estimate the seconds until the queue is empty, from the measured pace."""
        return self._queue.cost * self._pace / self._slots

    async def submit(self, item: T) -> Served[R]:
        """Queue an item and return its result."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Served[R]] = loop.create_future()
        self._waiting[item] = (future, loop.time())
        self._queue.push(item)
        self._sharing.note(item.flow.traffic, loop.time())
        self._wake(loop)
        try:
            return await future
        finally:
            self._waiting.pop(item, None)
            self._queue.remove(item)

    async def settle(self) -> None:
        """Wait until no batch runs."""
        while self._running:
            await asyncio.gather(*self._running, return_exceptions=True)

    def _wake(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look for work after all ready callers have submitted, so that batches fill."""
        if not self._woken:
            self._woken = True
            loop.call_soon(self._start_batches)

    def _start_batches(self) -> None:
        self._woken = False
        loop = asyncio.get_running_loop()
        while self._free and len(self._queue):
            batch = self._queue.take(loop.time(), self._sharing.room(self._load(loop.time())))
            if not batch:
                loop.call_at(self._sharing.again(), self._wake, loop)
                break
            self._free -= 1
            self._files += batch[0].flow.traffic is TrafficClass.FILE
            task = loop.create_task(self._run(batch, loop.time()))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    def _load(self, now: float) -> Load:
        return Load(now, len(self._queue), self._queue.cost, self._free, self._slots, self._files, self._pace)

    async def _run(self, batch: Sequence[T], started: float) -> None:
        loop = asyncio.get_running_loop()
        self._computing.update(batch)
        try:
            results = await loop.run_in_executor(self._executor, self._work, batch)
        except Exception as error:  # noqa: BLE001 - handed to every caller of the batch, none is swallowed
            self._deliver(batch, [error] * len(batch), started, loop.time() - started)
        else:
            self._measure(batch, loop.time() - started)
            self._deliver(batch, results, started, loop.time() - started)
        finally:
            self._computing.difference_update(batch)
            self._free += 1
            self._files -= batch[0].flow.traffic is TrafficClass.FILE
            self._wake(loop)

    def _deliver(self, batch: Sequence[T], results: Sequence[R | Exception], started: float, elapsed: float) -> None:
        for item, result in zip(batch, results, strict=True):
            future, queued = self._waiting.get(item, (None, 0.0))
            if future is None or future.done():
                continue
            if isinstance(result, Exception):
                future.set_exception(result)
            else:
                future.set_result(Served(result, started - queued, elapsed / len(batch), len(batch)))

    def _measure(self, batch: Sequence[T], elapsed: float) -> None:
        pace = elapsed / sum(item.cost for item in batch)
        self._pace += NEWEST * (pace - self._pace)
        self._observer.batch(len(batch), batch[0].batch_size, elapsed)

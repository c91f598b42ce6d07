"""What is watched while somebody attacks: the event loop's longest callback, and a neighbour's calls."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import time
import traceback
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any

from locution.v1 import job_service_pb2 as jobs
from locution_common.names import SLOTS_HELD
from prometheus_client import CollectorRegistry

SLOW = 0.012
"""Seconds after which the stack of a callback is taken."""


@dataclass
class Callbacks:
    """Processor time of the callbacks of a loop, the longest kept with what it ran.

    The garbage collector's time stands apart: it follows the heap of the test process, which holds much besides the api.
    """

    longest: float = 0.0
    collector: float = 0.0
    what: str = ""
    count: int = 0
    since: float = 0.0

    def take(self) -> float:
        """Return the longest since the last call of this method."""
        since, self.since = self.since, 0.0
        return since


@contextmanager
def callbacks() -> Iterator[Callbacks]:
    """Measure the processor time of each callback of this thread's event loops, other threads' work left out.

    Another thread takes the stack of a callback that goes on for long, so that the longest one is found by its lines.
    """
    measured, run, loop = Callbacks(), asyncio.events.Handle._run, threading.get_ident()
    running: list[float] = []
    collecting: list[float] = []
    stacks: list[str] = []
    ended = threading.Event()

    def collector(phase: str, _info: object) -> None:
        if threading.get_ident() == loop:
            collecting.append(time.thread_time() * (1 if phase == "stop" else -1))

    def measure(handle: Any) -> None:
        collecting.clear()
        began = time.thread_time()
        running.append(time.monotonic())
        run(handle)
        running.clear()
        collected = sum(collecting)
        took = time.thread_time() - began - collected
        measured.collector = max(measured.collector, collected)
        measured.count += 1
        measured.since = max(measured.since, took)
        if took > measured.longest:
            measured.longest, measured.what = took, stacks[-1] if stacks else ""
        stacks.clear()

    def sample() -> None:
        while not ended.wait(0.01):
            if running and time.monotonic() - running[0] > SLOW:
                stacks.append("".join(traceback.format_stack(sys._current_frames()[loop], limit=12)))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    gc.callbacks.append(collector)
    asyncio.events.Handle._run = measure  # type: ignore[assignment, method-assign]
    try:
        yield measured
    finally:
        asyncio.events.Handle._run = run  # type: ignore[method-assign]
        gc.callbacks.remove(collector)
        ended.set()
        sampler.join()


def slots_held(registry: CollectorRegistry) -> dict[str, float]:
    """Return how many slots of each kind are held, those with none left out."""
    samples = [sample for metric in registry.collect() if metric.name == SLOTS_HELD.name for sample in metric.samples]
    return {sample.labels["kind"]: sample.value for sample in samples if sample.value}


@dataclass
class Neighbour:
    """The calls of a tenant that does nothing unusual."""

    seconds: list[float] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def p95(self) -> float:
        return sorted(self.seconds)[len(self.seconds) * 95 // 100] if self.seconds else 0.0


@asynccontextmanager
async def neighbour(client: Any) -> AsyncIterator[Neighbour]:
    """List jobs again and again; a call that fails fails the test."""
    calm = Neighbour()

    async def call() -> None:
        while True:
            began = time.perf_counter()
            listed = await client.jobs.ListJobs(jobs.ListJobsRequest())
            calm.seconds.append(time.perf_counter() - began)
            calm.seen.add(",".join(sorted(job.name for job in listed.jobs)))
            await asyncio.sleep(0.02)

    task = asyncio.create_task(call())
    try:
        yield calm
    finally:
        task.cancel()
        outcome = (await asyncio.gather(task, return_exceptions=True))[0]
        assert isinstance(outcome, asyncio.CancelledError), outcome

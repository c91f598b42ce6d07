"""Run stages: claim, send heartbeats, handle failures, release what a shutdown interrupts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import cast

from locution_common import telemetry
from locution_common.errors import Reason, Refused
from opentelemetry.trace import Span

from locution_gateway.jobs.models import Failure, StageKind, StageLease
from locution_gateway.pipeline.metrics import AttemptOutcome, StageMetrics
from locution_gateway.pipeline.models import LeaseLostError, Onward, StageWork
from locution_gateway.pipeline.policy import RetryPolicy
from locution_gateway.pipeline.postgres import PostgresStages
from locution_gateway.pipeline.work import StageWorker
from locution_gateway.platform.principal import TenantId

_log = logging.getLogger("locution.worker")

DRAINED = Failure(Reason.DEPENDENCY_UNAVAILABLE, "the worker was drained")


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one worker runs at once, and how long it holds a stage between heartbeats."""

    stages: int
    decodes: int
    lease: timedelta
    poll: timedelta

    def kinds(self, running: Counter[StageKind]) -> tuple[StageKind, ...]:
        """Return the kinds of stages that have room."""
        if self.full(running):
            return ()
        full = running[StageKind.DECODE] >= self.decodes
        return tuple(kind for kind in StageKind if not (full and kind is StageKind.DECODE))

    def full(self, running: Counter[StageKind]) -> bool:
        """Tell whether there is no room for any stage."""
        return running.total() >= self.stages


class Worker:
    """Claims stages and runs them, several at once."""

    def __init__(
        self,
        name: str,
        stages: PostgresStages,
        work: StageWorker,
        policy: RetryPolicy,
        limits: Limits,
        metrics: StageMetrics,
    ) -> None:
        """Run as `name`, which the leases of its stages show."""
        self._name = name
        self._stages = stages
        self._work = work
        self._policy = policy
        self._limits = limits
        self._metrics = metrics
        self._running: Counter[StageKind] = Counter()
        metrics.watch(self._running)
        self._held: dict[asyncio.Task[None], StageLease] = {}
        """Oldest first."""
        self._freed = asyncio.Event()

    async def run(self, stopping: asyncio.Event, wake: asyncio.Event) -> None:
        """Work until `stopping`; `wake` hints that stages became ready, and polling is the guarantee."""
        stop = asyncio.create_task(stopping.wait())
        try:
            while not stop.done():
                while not stop.done() and (await self._claim() or await self._claim_lent()):
                    pass
                await self._idle(stop, wake)
        finally:
            stop.cancel()
            await self._drain()

    async def reap(self, stopping: asyncio.Event) -> None:
        """Until `stopping`, return stages of silent workers to the queue, or fail them after the last attempt."""
        while not stopping.is_set():
            try:
                with telemetry.suppressed():
                    await self._stages.reap(self._policy.max_attempts, self._policy.base, 100, self._metrics.expired)
            except Refused as error:
                _log.warning("stages of silent workers could not be returned", extra={"reason": error.reason})
            await _wait([asyncio.create_task(stopping.wait())], self._limits.poll)

    async def _idle(self, stop: asyncio.Task[bool], wake: asyncio.Event) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (wake, self._freed)]
        await _wait([stop, *waits], self._limits.poll, keep=stop)
        wake.clear()
        self._freed.clear()

    async def _claim(self) -> bool:
        kinds = self._limits.kinds(self._running)
        return bool(kinds) and await self._take(kinds, ()) is not None

    async def _claim_lent(self) -> bool:
        """Give the newest decode of a tenant with more than its floor to a tenant that runs none."""
        held = [(task, lease) for task, lease in self._held.items() if not task.cancelling()]
        decodes = [(task, lease) for task, lease in held if lease.kind is StageKind.DECODE]
        counts = Counter(lease.tenant_id for _, lease in decodes)
        most = max(counts, key=lambda tenant_id: counts[tenant_id], default=None)
        if len(decodes) < self._limits.decodes or most is None or counts[most] < 2 or self._limits.full(self._running):
            return False
        lent, lent_lease = next((task, lease) for task, lease in reversed(decodes) if lease.tenant_id == most)
        lease = await self._take((StageKind.DECODE,), counts)
        if lease is not None and self._held.get(lent) is lent_lease:  # it still runs that decode
            _log.info("a decode was interrupted for another tenant", extra=_names(lent_lease))
            lent.cancel()
        return lease is not None

    async def _take(self, kinds: Sequence[StageKind], others_than: Collection[TenantId]) -> StageLease | None:
        """Claim a stage and start it."""
        try:
            with telemetry.suppressed():
                lease = await self._stages.claim(self._name, self._limits.lease, kinds, others_than)
        except Refused as error:
            _log.warning("no stage could be claimed", extra={"reason": error.reason})
            return None
        if lease is not None:
            self._metrics.claimed(lease)
            self._start(lease)
        return lease

    def _start(self, lease: StageLease) -> None:
        self._running[lease.kind] += 1
        task = asyncio.create_task(self._hold(lease), name=f"{lease.kind} {lease.stage_id}")
        self._held[task] = lease
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        lease = self._held.pop(task)
        self._running[lease.kind] -= 1
        self._freed.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error(
                "a stage could not be released; its lease will expire",
                exc_info=error,
                extra={"stage_id": str(lease.stage_id)},
            )

    async def _drain(self) -> None:
        tasks = list(self._held)
        for task in tasks:
            if not task.cancelling():  # it gives its stage back already
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _hold(self, lease: StageLease) -> None:
        """Run one claimed stage to its end: stored, failed, released, cancelled, or lost; then what follows from it."""
        try:
            work: StageWork | None = await self._stages.begin(lease)
            while work is not None:
                attempt = Attempt(self._stages, self._work, self._policy, self._limits.lease, work, self._metrics)
                try:
                    with telemetry.resumed(work.job.trace_context), _span(lease):
                        work = await attempt.run(lambda: not self._limits.full(self._running))
                finally:
                    lease = attempt.lease
                if work is not None:
                    self._go_on(lease)
        except LeaseLostError:
            self._lost(lease)
        except asyncio.CancelledError:
            await asyncio.shield(self._give_back(lease))
            raise

    def _go_on(self, lease: StageLease) -> None:
        """Count the stage that this task runs now in place of the one before."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        self._running[self._held[task].kind] -= 1
        self._running[lease.kind] += 1
        self._held[task] = lease
        self._freed.set()

    async def _give_back(self, lease: StageLease) -> None:
        try:
            await self._stages.give_back(lease, DRAINED, timedelta(), self._policy.max_age)
            self._metrics.ended(lease, AttemptOutcome.RELEASED)
        except LeaseLostError:
            self._lost(lease)
        except Refused as error:
            _log.info("a stage could not be released", extra={**_names(lease), "reason": error.reason})

    def _lost(self, lease: StageLease) -> None:
        _log.info("a lease was lost", extra=_names(lease))
        self._metrics.ended(lease, AttemptOutcome.LOST)


class Attempt:
    """One attempt at a stage, under a heartbeat."""

    def __init__(
        self,
        stages: PostgresStages,
        worker: StageWorker,
        policy: RetryPolicy,
        lease: timedelta,
        work: StageWork,
        metrics: StageMetrics,
    ) -> None:
        """Work on `work`, whose lease is renewed three times in its duration."""
        self._stages = stages
        self._worker = worker
        self._policy = policy
        self._duration = lease
        self._work = work
        self._metrics = metrics
        self._began = time.monotonic()
        self._done_samples = 0
        self._storing = False
        self.lease = work.lease
        """The lease that is held: that of the next stage once it was leased with the result."""

    async def run(self, room: Callable[[], bool]) -> StageWork | None:
        """Run the stage and store or judge the outcome. Raises LeaseLostError.

        Lease and return what follows from it in a SHORT job, so that it takes no turn in the queue. A worker without
        `room` for another stage by then does not: the next stage is that of the tenant whose turn it is.
        """
        task = asyncio.create_task(self._do(partial(self._onward, room)))
        cancelled = False
        try:
            cancelled = await self._beat(task)
        except Exception:
            await self._end(task)
            if not _succeeded(task):
                raise
        finally:
            await asyncio.shield(self._end(task))
        if cancelled and not _succeeded(task):
            await self._stages.cancel(self._work.lease)
            self._metrics.ended(self._work.lease, AttemptOutcome.CANCELLED)
            return None
        await self._judge(task)
        return task.result() if _succeeded(task) else None

    async def _do(self, onward: Onward) -> StageWork | None:
        following = await self._worker.do(self._work, self._report, onward)
        if following is not None:
            self.lease = following.lease
        return following

    def _onward(self, room: Callable[[], bool]) -> timedelta | None:
        self._storing = True
        return self._duration if room() else None

    async def _end(self, task: asyncio.Task[StageWork | None]) -> None:
        """Wait for a task that stores its result, for the duration of a lease at most; cancel any other.

        The transaction may have ended this lease and begun the next one already.
        """
        if self._storing:
            await asyncio.wait({task}, timeout=self._duration.total_seconds())
        task.cancel()
        await asyncio.wait({task})

    def _report(self, done_samples: int) -> None:
        self._done_samples = max(self._done_samples, done_samples)

    async def _beat(self, task: asyncio.Task[StageWork | None]) -> bool:
        """Renew the lease until the task ends; True if its job is being cancelled."""
        while True:
            done, _ = await asyncio.wait({task}, timeout=self._duration.total_seconds() / 3)
            if done:
                return False
            if await self._renew():
                return True

    async def _renew(self) -> bool:
        try:
            return await self._stages.renew(self._work.lease, self._duration, self._done_samples)
        except LeaseLostError:
            raise
        except Refused as error:
            _log.warning("a heartbeat failed", extra={**_names(self._work.lease), "reason": error.reason})
            return False

    async def _judge(self, task: asyncio.Task[StageWork | None]) -> None:
        lease = self._work.lease
        match task.exception():
            case None:
                self._metrics.done(self._work, self._began, self._done_samples)
            case LeaseLostError() as error:
                raise error
            case Refused(retry_after=float() | int() as seconds) as busy:  # nothing was done: it uses no attempt
                delay = timedelta(seconds=seconds)
                state, failure = await self._stages.give_back(lease, failure_of(busy), delay, self._policy.max_age)
                self._metrics.failed(lease, failure, state, AttemptOutcome.RETURNED)
            case Refused() as error:
                await self._fail(failure_of(error))
            case Exception() as error:
                _log.error("a stage failed by an internal error", exc_info=error, extra=_names(lease))
                await self._fail(Failure(Reason.INTERNAL, "a fault of the server"))
            case error:
                raise error

    async def _fail(self, failure: Failure) -> None:
        lease = self._work.lease
        delay = self._policy.delay(failure, lease.attempts)
        _log.info("a stage failed", extra={**_names(lease), "reason": failure.reason, "again": delay is not None})
        state = await self._stages.fail(lease, failure, delay, self._policy.max_attempts)
        self._metrics.failed(lease, failure, state, AttemptOutcome.RETRIED)


def failure_of(error: Refused) -> Failure:
    """Return an error in the form stored with a stage or job."""
    return Failure(error.reason, error.message)


def _names(lease: StageLease) -> dict[str, object]:
    return {
        "job_id": str(lease.job_id),
        "stage_id": str(lease.stage_id),
        "kind": lease.kind.value,
        "attempts": lease.attempts,
    }


def _span(lease: StageLease) -> AbstractContextManager[Span]:
    attributes: dict[str, str | int] = {
        "locution.job": str(lease.job_id),
        "locution.section": lease.section,
        "locution.attempt": lease.attempts,
    }
    return telemetry.tracer.start_as_current_span(f"stage {lease.kind.lower()}", attributes=attributes)


def _succeeded(task: asyncio.Task[StageWork | None]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None


async def _wait(
    tasks: Sequence[asyncio.Task[bool]], timeout: timedelta, keep: asyncio.Task[bool] | None = None
) -> None:
    """Wait for the first of some tasks, then cancel all except `keep`."""
    await asyncio.wait(tasks, timeout=timeout.total_seconds(), return_when=asyncio.FIRST_COMPLETED)
    rest = [task for task in tasks if task is not keep]
    for task in rest:
        task.cancel()
    await asyncio.gather(*rest, return_exceptions=True)

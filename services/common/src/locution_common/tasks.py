"""Background tasks of a service: each runs until the shutdown, and is restarted with backoff if it fails."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import CollectorRegistry

from . import names
from .health import Health
from .retry import Backoff

RESTARTS: Final = Backoff(base=0.5, cap=60.0)
STEADY: Final = 30.0
"""Seconds after a restart in which the task must not fail again to count as recovered."""

_log = logging.getLogger(__name__)


class Supervisor:
    """Runs background tasks, and reports to health and metrics which of them are failing."""

    def __init__(self, stopping: asyncio.Event, health: Health, registry: CollectorRegistry) -> None:
        self._stopping = stopping
        self._health = health
        self._up = names.TASK_UP.gauge(registry)
        self._failures = names.TASK_FAILURES.counter(registry)

    async def run(self, name: str, work: Callable[[], Awaitable[object]]) -> None:
        """Run a task until the shutdown. If it raises or ends earlier, log that and restart it with backoff."""
        failures = 0
        self._up.labels(name).set(1)
        while True:
            task = asyncio.ensure_future(work())
            try:
                if not (await asyncio.wait({task}, timeout=STEADY))[0]:
                    failures = 0
                    await self._report(name, failing=False)
                    await asyncio.wait({task})
            finally:
                task.cancel()
                await asyncio.wait({task})
            if self._stopping.is_set():
                task.result()
                return
            failures += 1
            await self._failed(name, task, failures)
            if await self._stopped_within(RESTARTS.delay(failures - 1)):
                return

    async def _failed(self, name: str, task: asyncio.Future[object], failures: int) -> None:
        error = None if task.cancelled() else task.exception()
        _log.error(
            "a background task failed and will be restarted", exc_info=error, extra={"task": name, "failures": failures}
        )
        self._failures.labels(name).inc()
        await self._report(name, failing=True)

    async def _report(self, name: str, *, failing: bool) -> None:
        self._up.labels(name).set(not failing)
        await self._health.report_task(name, failing=failing)

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return False
        return True

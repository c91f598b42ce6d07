"""Health that follows probes: SERVING while every probe passes, else NOT_SERVING, and NOT_SERVING from shutdown on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias

from grpc_health.v1 import health_pb2
from grpc_health.v1.health import aio
from prometheus_client import CollectorRegistry

from . import names, telemetry
from .errors import Reason, Refused

Probe: TypeAlias = Callable[[], Awaitable[object]]

LIVENESS: Final = "liveness"
"""The health service that is SERVING from start to shutdown; it tells whether to restart the process."""

BACKGROUND: Final = "background"
"""The health service that is NOT_SERVING while a background task is failing. It does not affect the other services."""

MOST_WATCHES: Final = 200
"""Calls of Health.Watch at once: they need no credential, so they are limited."""

_log = logging.getLogger(__name__)
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class _Servicer(aio.HealthServicer):
    """grpc's own health service, whose watches end with the server instead of delaying its stop."""

    def __init__(self) -> None:
        super().__init__()
        self._ended = asyncio.Event()
        self._watches = 0

    async def Watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:  # noqa: N802 - gRPC's name
        if self._watches >= MOST_WATCHES:
            raise Refused(Reason.OVERLOADED, f"{MOST_WATCHES} calls watch health already; use Check")
        self._watches += 1
        try:
            await self._watch(request, context)
        finally:
            self._watches -= 1

    async def _watch(self, request: health_pb2.HealthCheckRequest, context: Any) -> None:
        watching = asyncio.ensure_future(super().Watch(request, context))
        ended = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait([watching, ended], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (watching, ended):
                task.cancel()
            await asyncio.gather(watching, ended, return_exceptions=True)

    def end_watches(self) -> None:
        """End every watch after its client has received NOT_SERVING."""
        self._ended.set()


class Health:
    """Polls probes and answers grpc.health.v1 for the server as a whole ("") and for each of its services.

    A probe passes when it returns; it fails when it raises, returns False, or takes longer than `timeout` seconds.
    """

    def __init__(
        self, *, interval: float = 2.0, timeout: float = 5.0, registry: CollectorRegistry | None = None
    ) -> None:
        self.servicer = _Servicer()
        self._probes: dict[str, Probe] = {}
        self._services: set[str] = {""}
        self._interval = interval
        self._timeout = timeout
        self._faults: dict[str, str] = {"start": "no probe has run yet"}
        self._failing_tasks: set[str] = set()
        self._gauge = names.HEALTH_PROBE.gauge(registry or CollectorRegistry())

    def add(self, probes: Mapping[str, Probe], services: Iterable[str] = ()) -> None:
        """Add probes, and answer for `services` by their full names."""
        self._probes |= probes
        self._services |= set(services)

    @property
    def faults(self) -> Mapping[str, str]:
        """Return the failing probes and their faults; empty while healthy."""
        return dict(self._faults)

    @property
    def failing_tasks(self) -> frozenset[str]:
        """Return the background tasks that are failing."""
        return frozenset(self._failing_tasks)

    async def check(self) -> bool:
        """Run every probe once, publish the result, and return whether all passed."""
        with telemetry.suppressed():
            results = await asyncio.gather(*(self._fault(name, probe) for name, probe in self._probes.items()))
        faults = {name: fault for name, fault in zip(self._probes, results, strict=True) if fault}
        self._report(faults)
        for service in self._services:
            await self.servicer.set(service, _NOT_SERVING if faults else _SERVING)
        return not faults

    async def run(self) -> None:
        """Check repeatedly until cancelled."""
        while True:
            await self.check()
            await asyncio.sleep(self._interval)

    async def publish_not_serving(self) -> None:
        """Answer NOT_SERVING until the first check, but alive at once."""
        await self.servicer.set(LIVENESS, _SERVING)
        await self.servicer.set(BACKGROUND, _SERVING)
        for service in self._services:
            await self.servicer.set(service, _NOT_SERVING)

    async def report_task(self, name: str, *, failing: bool) -> None:
        """Answer NOT_SERVING for BACKGROUND while any background task is failing."""
        (self._failing_tasks.add if failing else self._failing_tasks.discard)(name)
        await self.servicer.set(BACKGROUND, _NOT_SERVING if self._failing_tasks else _SERVING)

    async def shut_down(self) -> None:
        """Answer NOT_SERVING from now on, regardless of the probes."""
        await self.servicer.enter_graceful_shutdown()

    def end_watches(self) -> None:
        """End the calls that watch health, so that a stopping server does not wait for them."""
        self.servicer.end_watches()

    async def _fault(self, name: str, probe: Probe) -> str:
        try:
            async with asyncio.timeout(self._timeout):
                passed = await probe() is not False
        except TimeoutError:
            return f"took longer than {self._timeout:g} s"
        except Exception as error:  # noqa: BLE001 - whatever a probe raises is the finding that it exists to make
            return f"{type(error).__name__}: {error}"
        return "" if passed else "failed"

    def _report(self, faults: dict[str, str]) -> None:
        for name in self._probes:
            self._gauge.labels(name).set(name not in faults)
        if faults.keys() != self._faults.keys():
            level = logging.WARNING if faults else logging.INFO
            _log.log(level, "health is now %s", "NOT_SERVING" if faults else "SERVING", extra={"faults": faults})
        self._faults = faults

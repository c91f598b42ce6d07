"""Layer 4: counts, errors, durations and calls in progress; before auth, so that refusals count."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..metrics import RpcMetrics
from .layer import Call


class Metrics:
    """Measure every call by its method. Only known methods reach this layer, which bounds the labels."""

    def __init__(self, metrics: RpcMetrics) -> None:
        self._metrics = metrics

    @asynccontextmanager
    async def around(self, call: Call) -> AsyncIterator[None]:
        start = time.monotonic()
        with self._metrics.in_flight.labels(call.method).track_inprogress():
            try:
                yield
            finally:
                self._metrics.seconds.labels(call.method).observe(time.monotonic() - start)
                self._metrics.handled.labels(call.method, call.code).inc()
                if call.reason:
                    self._metrics.errors.labels(call.method, call.reason).inc()

"""Metrics of batches and of the queue, which both engines have under their own names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from locution_common.names import SECONDS_BUCKETS, MetricName
from prometheus_client import CollectorRegistry

BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128)


class BatchMetrics:
    """Records batches, and measures the queue whenever the metrics are read."""

    def __init__(self, registry: CollectorRegistry, size: MetricName, elapsed: MetricName, queued: MetricName) -> None:
        self._size = size.histogram(registry, BATCH_BUCKETS)
        self._elapsed = elapsed.histogram(registry, SECONDS_BUCKETS)
        self._queued = queued.gauge(registry)

    def batch(self, size: int, elapsed: float) -> None:
        """Record a batch: its windows and its seconds."""
        self._size.observe(size)
        self._elapsed.observe(elapsed)

    def watch_queue(self, waiting: Callable[[], float]) -> None:
        """Measure the queue by `waiting`."""
        self._queued.set_function(waiting)

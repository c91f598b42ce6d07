"""Metrics of batches, of the queue and of loaded models, which both engines have under their own names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from locution_common.names import GaugeName, HistogramName
from prometheus_client import CollectorRegistry

from .pool import ModelPool


@dataclass(frozen=True, slots=True)
class EngineNames:
    """An engine's names for what both engines measure."""

    size: HistogramName
    fill: HistogramName
    elapsed: HistogramName
    queued: GaugeName
    models: GaugeName
    memory: GaugeName


class EngineMetrics:
    """Records batches, and measures the queue and the models whenever the metrics are read."""

    def __init__(self, registry: CollectorRegistry, names: EngineNames) -> None:
        self._size = names.size.histogram(registry)
        self._fill = names.fill.histogram(registry)
        self._elapsed = names.elapsed.histogram(registry)
        self._queued = names.queued.gauge(registry)
        self._models = names.models.gauge(registry)
        self._memory = names.memory.gauge(registry)

    def batch(self, size: int, most: int, elapsed: float) -> None:
        """Record a batch: its windows, the most that it takes, and its seconds."""
        self._size.observe(size)
        self._fill.observe(size / most)
        self._elapsed.observe(elapsed)

    def watch_queue(self, waiting: Callable[[], float]) -> None:
        """Measure the queue by `waiting`."""
        self._queued.set_function(waiting)

    def watch_models(self, pool: ModelPool[Any, Any]) -> None:
        """Measure the models of a pool."""
        self._models.set_function(lambda: len(pool.loaded))
        self._memory.set_function(lambda: pool.used)

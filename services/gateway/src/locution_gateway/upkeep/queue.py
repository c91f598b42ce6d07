"""The depth of the stage queue, as metrics. Every api measures the whole installation."""

from __future__ import annotations

from typing import Final

from locution_common import names
from prometheus_client import CollectorRegistry

from locution_gateway.jobs.models import StageKind
from locution_gateway.platform.database import TenantDatabase

MEASURE: Final = "SELECT * FROM gateway.measure_queue()"


class QueueMetrics:
    """Measures what waits for workers and what they hold."""

    def __init__(self, database: TenantDatabase, registry: CollectorRegistry) -> None:
        self._database = database
        measured = (
            names.QUEUE_STAGES,
            names.QUEUE_AUDIO,
            names.QUEUE_OLDEST,
            names.QUEUE_TENANTS,
            names.QUEUE_LEASED,
        )
        self._gauges = tuple(name.gauge(registry) for name in measured)
        """In the order of the columns after the kind."""

    async def measure(self) -> None:
        """Read the figures. If that fails there are none: old ones would look like new ones."""
        try:
            async with self._database.across_tenants() as connection:
                found = {kind: figures for kind, *figures in await connection.fetch(MEASURE)}
        except BaseException:
            for gauge in self._gauges:
                gauge.clear()
            raise
        for kind in StageKind:
            figures = found.get(kind, [0] * len(self._gauges))
            for gauge, figure in zip(self._gauges, figures, strict=True):
                gauge.labels(kind.lower()).set(figure)

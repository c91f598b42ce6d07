"""Names of the metrics and spans of common; each metric has its unit in the name and one sentence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


@dataclass(frozen=True, slots=True)
class MetricName:
    """The name of a metric, and one sentence that says what it measures."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()

    def counter(self, registry: CollectorRegistry) -> Counter:
        """Return a counter of this name."""
        return Counter(self.name, self.meaning, self.labels, registry=registry)

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """Return a gauge of this name."""
        return Gauge(self.name, self.meaning, self.labels, registry=registry)

    def histogram(self, registry: CollectorRegistry, buckets: Sequence[float]) -> Histogram:
        """Return a histogram of this name; `buckets` are upper bounds."""
        return Histogram(self.name, self.meaning, self.labels, registry=registry, buckets=buckets)


RPC_HANDLED: Final = MetricName(
    "locution_rpc_server_handled_total", "Calls that ended, by method and status code.", ("method", "code")
)
RPC_SECONDS: Final = MetricName(
    "locution_rpc_server_duration_seconds", "Seconds from the start of a call to its end.", ("method",)
)
RPC_IN_FLIGHT: Final = MetricName("locution_rpc_server_in_flight", "Calls in progress.", ("method",))
HEALTH_PROBE: Final = MetricName("locution_health_probe_up", "1 while the named probe passes, else 0.", ("probe",))

LOOP_LAG: Final = MetricName(
    "locution_event_loop_lag_seconds", "Seconds by which the event loop ran a callback late, measured every 50 ms."
)
TASK_UP: Final = MetricName(
    "locution_background_task_up", "1 while the named background task runs, 0 while it is failing.", ("task",)
)
TASK_FAILURES: Final = MetricName(
    "locution_background_task_failures_total",
    "Failures of the named background task, each followed by a restart.",
    ("task",),
)

METRICS: Final = (RPC_HANDLED, RPC_SECONDS, RPC_IN_FLIGHT, HEALTH_PROBE, LOOP_LAG, TASK_UP, TASK_FAILURES)

# Unary calls take milliseconds, section streams take seconds, uploads and watches take minutes.
SECONDS_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

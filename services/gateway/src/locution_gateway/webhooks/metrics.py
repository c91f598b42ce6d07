"""Metrics of webhook deliveries: all names, units and meanings."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from locution_common import telemetry
from locution_common.names import MetricName
from opentelemetry.trace import Span, Status, StatusCode, TracerProvider
from prometheus_client import CollectorRegistry, Counter, Histogram

from locution_gateway.webhooks.models import AttemptResult, Backlog, Dispatch, Outcome

SPAN: Final = "webhook delivery"

ATTEMPTS: Final = MetricName(
    "locution_webhook_attempts_total",
    "Attempts at deliveries that ended, by outcome: delivered, failed (made again), dead (the last one), released.",
    ("outcome",),
)
SECONDS: Final = MetricName(
    "locution_webhook_attempt_seconds",
    "Seconds of an attempt, from its signing to the receiver's answer.",
    ("outcome",),
)
BACKLOG: Final = MetricName(
    "locution_webhook_backlog", "Deliveries of the whole installation that wait for webhooks which are not disabled."
)
LATE: Final = MetricName(
    "locution_webhook_late_seconds", "Seconds for which the first waiting delivery of the whole installation is due."
)
METRICS: Final = (ATTEMPTS, SECONDS, BACKLOG, LATE)
BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)


class WebhookMetrics:
    """Records the metrics, and one span per attempt in the trace of the delivery's job."""

    def __init__(self, registry: CollectorRegistry, provider: TracerProvider) -> None:
        self._attempts = ATTEMPTS.counter(registry)
        self._seconds = SECONDS.histogram(registry, BUCKETS)
        self._backlog = BACKLOG.gauge(registry)
        self._late = LATE.gauge(registry)
        self._tracer = provider.get_tracer("locution")

    @contextmanager
    def attempt(self, dispatch: Dispatch) -> Iterator[_Attempt]:
        """Measure an attempt while the context is open, as part of the trace of the delivery's job."""
        with (
            telemetry.resumed(dispatch.trace_context),
            self._tracer.start_as_current_span(SPAN, attributes=_attributes(dispatch)) as span,
        ):
            yield _Attempt(span, self._attempts, self._seconds, time.perf_counter())

    def backlog(self, backlog: Backlog) -> None:
        """Record the backlog."""
        self._backlog.set(backlog.waiting)
        self._late.set(backlog.late_seconds)


class _Attempt:
    def __init__(self, span: Span, attempts: Counter, seconds: Histogram, began: float) -> None:
        self._span = span
        self._attempts = attempts
        self._seconds = seconds
        self._began = began

    def ended(self, result: AttemptResult, outcome: Outcome | None = None) -> None:
        """Record the result."""
        self._attempts.labels(result.value).inc()
        self._seconds.labels(result.value).observe(time.perf_counter() - self._began)
        self._span.set_attribute("locution.webhook.outcome", result.value)
        if outcome is None:
            return
        if outcome.status is not None:
            self._span.set_attribute("http.response.status_code", outcome.status)
        if outcome.error is not None:
            self._span.set_status(Status(StatusCode.ERROR, outcome.error))


def _attributes(dispatch: Dispatch) -> dict[str, str | int]:
    job = {} if dispatch.job_id is None else {"locution.job": str(dispatch.job_id)}
    return {
        **job,
        "locution.webhook": str(dispatch.webhook_id),
        "locution.webhook.delivery": str(dispatch.delivery_id),
        "locution.webhook.event": dispatch.event_type.value,
        "locution.attempt": dispatch.attempts,
    }

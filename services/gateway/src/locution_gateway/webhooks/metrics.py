"""Metrics of webhook deliveries."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from locution_common import names, telemetry
from opentelemetry.trace import Span, Status, StatusCode, TracerProvider
from prometheus_client import CollectorRegistry, Counter, Histogram

from locution_gateway.webhooks.models import AttemptResult, Backlog, Dispatch, Outcome

SPAN: Final = "webhook delivery"


class WebhookMetrics:
    """Records the metrics, and one span per attempt in the trace of the delivery's job."""

    def __init__(self, registry: CollectorRegistry, provider: TracerProvider) -> None:
        self._attempts = names.WEBHOOK_ATTEMPTS.counter(registry)
        self._seconds = names.WEBHOOK_SECONDS.histogram(registry)
        self._backlog = names.WEBHOOK_BACKLOG.gauge(registry)
        self._late = names.WEBHOOK_LATE.gauge(registry)
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

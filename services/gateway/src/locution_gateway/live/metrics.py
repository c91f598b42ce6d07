"""Metrics of live streams and their texts: all names, units and meanings."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from locution_common import telemetry
from locution_common.names import MetricName
from locution_speech.clock import seconds
from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry

from locution_gateway.live.models import LiveFinal, LiveSession

STREAMS: Final = MetricName("locution_live_streams", "Live streams that are open.")
PARTIAL_LAG: Final = MetricName(
    "locution_live_partial_lag_seconds", "Seconds of audio by which a partial trails what was received."
)
FINAL_LAG: Final = MetricName(
    "locution_live_final_lag_seconds", "Seconds of audio between the end of a final and what was received when it came."
)
CONFIRMED: Final = MetricName(
    "locution_live_confirm_seconds", "Seconds from when the end of a word was received until the word was confirmed."
)
FINALS: Final = MetricName("locution_live_finals_total", "Finals that were given.")
BUCKETS: Final = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)


class LiveMetrics:
    """Records the metrics, and one span per utterance in the session's trace."""

    def __init__(self, registry: CollectorRegistry, provider: TracerProvider) -> None:
        self._streams = STREAMS.gauge(registry)
        self._partial = PARTIAL_LAG.histogram(registry, BUCKETS)
        self._final = FINAL_LAG.histogram(registry, BUCKETS)
        self._confirmed = CONFIRMED.histogram(registry, BUCKETS)
        self._finals = FINALS.counter(registry)
        self._tracer = provider.get_tracer("locution")

    @asynccontextmanager
    async def opened(self, session: LiveSession) -> AsyncIterator[None]:
        """Count a stream while the context is open, within the session's trace; chunks get no spans."""
        self._streams.inc()
        try:
            with telemetry.resumed(session.trace_context), telemetry.suppressed():
                yield
        finally:
            self._streams.dec()

    def partial(self, lag: float) -> None:
        """Record by how many seconds of audio a partial trails the received audio."""
        self._partial.observe(lag)

    def confirmed(self, took: float) -> None:
        """Record how long after the arrival of its end a word was confirmed."""
        self._confirmed.observe(took)

    def final(self, session: LiveSession, final: LiveFinal, lag: float) -> None:
        """Record a final with a span as long as its audio and its decoding."""
        self._finals.inc()
        self._final.observe(lag)
        now = time.time_ns()
        length = round((seconds(final.end - final.start) + lag) * 1e9)
        with telemetry.resumed(session.trace_context):
            span = self._tracer.start_span("live.utterance", start_time=now - length)
            span.set_attributes(
                {
                    "locution.live.final_id": final.final_id,
                    "locution.live.audio_seconds": seconds(final.end - final.start),
                    "locution.live.words": len(final.words),
                }
            )
            span.end(now)

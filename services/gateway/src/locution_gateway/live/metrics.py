"""Metrics of live streams and their texts."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from locution_common import names, telemetry
from locution_speech.clock import seconds
from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry

from locution_gateway.live.models import LiveFinal, LiveSession


class LiveMetrics:
    """Records the metrics, and one span per utterance in the session's trace."""

    def __init__(self, registry: CollectorRegistry, provider: TracerProvider) -> None:
        self._streams = names.LIVE_STREAMS.gauge(registry)
        self._partial = names.LIVE_PARTIAL_LAG.histogram(registry)
        self._final = names.LIVE_FINAL_LAG.histogram(registry)
        self._confirmed = names.LIVE_CONFIRMED.histogram(registry)
        self._finals = names.LIVE_FINALS.counter(registry)
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

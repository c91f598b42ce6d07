"""Metrics of the engine: all their names, units and meanings."""

from __future__ import annotations

from typing import Final

from locution_common.names import SECONDS_BUCKETS, MetricName
from locution_speech.asr import SectionStart
from locution_speech.clock import seconds
from locution_speech.engine.metrics import BatchMetrics
from opentelemetry import trace
from prometheus_client import CollectorRegistry

from locution_asr.domain.models import SectionReport

AUDIO_SECONDS: Final = MetricName(
    "locution_asr_audio_seconds_total",
    "Seconds of audio, by traffic class and what became of them.",
    ("traffic", "outcome"),
)
SPEECH_SECONDS: Final = MetricName("locution_asr_speech_seconds_total", "Seconds in which the detector heard speech.")
TEXT_SECONDS: Final = MetricName("locution_asr_text_speech_seconds_total", "Seconds of detected speech that gave text.")
QUEUE_SECONDS: Final = MetricName("locution_asr_queue_seconds", "Seconds that a window waited.", ("traffic",))
REDONE_WINDOWS: Final = MetricName("locution_asr_redone_windows_total", "Windows that were decoded more than once.")
BATCH_SIZE: Final = MetricName("locution_asr_batch_windows", "Windows in a batch.")
BATCH_SECONDS: Final = MetricName("locution_asr_batch_seconds", "Seconds that a batch took.")
QUEUED_SECONDS: Final = MetricName("locution_asr_queued_audio_seconds", "Seconds of audio that wait now.")


class Metrics(BatchMetrics):
    """Records the engine's metrics, and adds a section's figures to its span."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, BATCH_SIZE, BATCH_SECONDS, QUEUED_SECONDS)
        self._audio = AUDIO_SECONDS.counter(registry)
        self._speech = SPEECH_SECONDS.counter(registry)
        self._text = TEXT_SECONDS.counter(registry)
        self._redone = REDONE_WINDOWS.counter(registry)
        self._queue = QUEUE_SECONDS.histogram(registry, SECONDS_BUCKETS)

    def section(self, report: SectionReport, start: SectionStart) -> None:
        """Record a finished section."""
        traffic = start.flow.traffic.name.lower()
        for item in report.coverage:
            self._audio.labels(traffic, item.outcome.value.lower()).inc(seconds(item.length))
        self._speech.inc(seconds(report.speech))
        self._text.inc(seconds(report.text_speech))
        for window in report.windows:
            self._queue.labels(traffic).observe(window.queue_wait)
            self._redone.inc(window.attempts > 1)
        trace.get_current_span().set_attributes(_attributes(report, start))


def _attributes(report: SectionReport, start: SectionStart) -> dict[str, str | float]:
    return {
        "locution.asr.model": start.model,
        "locution.asr.mode": report.mode.lower(),
        "locution.asr.audio_seconds": seconds(report.length),
        "locution.asr.speech_seconds": seconds(report.speech),
        "locution.asr.text_speech_seconds": seconds(report.text_speech),
        "locution.asr.windows": len(report.windows),
        "locution.asr.queue_seconds": sum(window.queue_wait for window in report.windows),
        "locution.asr.compute_seconds": sum(window.decode for window in report.windows),
    }

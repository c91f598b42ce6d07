"""Metrics of the engine."""

from __future__ import annotations

from locution_common import names
from locution_speech.asr import SectionStart
from locution_speech.clock import seconds
from locution_speech.engine.metrics import EngineMetrics, EngineNames
from opentelemetry import trace
from prometheus_client import CollectorRegistry

from locution_asr.domain.models import SectionReport

_NAMES = EngineNames(
    size=names.ASR_BATCH_SIZE,
    fill=names.ASR_BATCH_FILL,
    elapsed=names.ASR_BATCH_SECONDS,
    queued=names.ASR_QUEUED,
    models=names.ASR_MODELS,
    memory=names.ASR_MODEL_MEMORY,
)


class Metrics(EngineMetrics):
    """Records the engine's metrics, and adds a section's figures to its span."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, _NAMES)
        self._audio = names.ASR_AUDIO.counter(registry)
        self._speech = names.ASR_SPEECH.counter(registry)
        self._text = names.ASR_TEXT.counter(registry)
        self._dropped = names.ASR_DROPPED.counter(registry)
        self._redone = names.ASR_REDONE.counter(registry)
        self._queue = names.ASR_QUEUE_SECONDS.histogram(registry)

    def section(self, report: SectionReport, start: SectionStart) -> None:
        """Record a finished section."""
        traffic = start.flow.traffic.name.lower()
        for item in report.coverage:
            self._audio.labels(traffic, item.outcome.value.lower()).inc(seconds(item.length))
            if item.reason is not None:
                self._dropped.labels(item.reason).inc()
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

"""Metrics of the engine: all their names, units and meanings."""

from __future__ import annotations

from typing import Final

from locution_common.names import MetricName
from locution_speech.clock import seconds
from locution_speech.engine.metrics import BatchMetrics
from locution_speech.engine.models import Timings
from locution_speech.speakers import SectionSpeakers
from opentelemetry import trace
from prometheus_client import CollectorRegistry

from locution_diarizer.domain.models import Start

AUDIO_SECONDS: Final = MetricName(
    "locution_diarizer_audio_seconds_total", "Seconds of audio in finished sections, by traffic class.", ("traffic",)
)
BATCH_SIZE: Final = MetricName("locution_diarizer_batch_windows", "Windows in a batch.")
BATCH_SECONDS: Final = MetricName("locution_diarizer_batch_seconds", "Seconds that a batch took.")
QUEUED_WINDOWS: Final = MetricName("locution_diarizer_queued_windows", "Windows that wait now.")
CLUSTERED_SECTIONS: Final = MetricName("locution_diarizer_clustered_sections_total", "Sections that were clustered.")


class Metrics(BatchMetrics):
    """Records the engine's metrics, and adds a section's figures to its span."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, BATCH_SIZE, BATCH_SECONDS, QUEUED_WINDOWS)
        self._audio = AUDIO_SECONDS.counter(registry)
        self._clustered = CLUSTERED_SECTIONS.counter(registry)

    def section(self, start: Start, section: SectionSpeakers, timings: Timings) -> None:
        """Record a finished section."""
        heard = seconds(section.sample_count)
        self._audio.labels(start.flow.traffic.name.lower()).inc(heard)
        trace.get_current_span().set_attributes(
            {
                "locution.diarizer.model": start.model,
                "locution.diarizer.audio_seconds": heard,
                "locution.diarizer.speakers": len(section.centroids),
                "locution.diarizer.windows": timings.windows,
                "locution.diarizer.queue_seconds": timings.queue_seconds,
                "locution.diarizer.compute_seconds": timings.compute_seconds,
            }
        )

    def clustered(self, sections: int, speakers: int) -> None:
        """Record a clustering."""
        self._clustered.inc(sections)
        trace.get_current_span().set_attributes(
            {"locution.diarizer.sections": sections, "locution.diarizer.speakers": speakers}
        )

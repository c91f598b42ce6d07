"""Metrics of the engine."""

from __future__ import annotations

from locution_common import names
from locution_speech.clock import seconds
from locution_speech.engine.metrics import EngineMetrics, EngineNames
from locution_speech.engine.models import Timings
from locution_speech.speakers import SectionSpeakers
from opentelemetry import trace
from prometheus_client import CollectorRegistry

from locution_diarizer.domain.models import Start

_NAMES = EngineNames(
    size=names.DIARIZER_BATCH_SIZE,
    fill=names.DIARIZER_BATCH_FILL,
    elapsed=names.DIARIZER_BATCH_SECONDS,
    queued=names.DIARIZER_QUEUED,
    models=names.DIARIZER_MODELS,
    memory=names.DIARIZER_MODEL_MEMORY,
)


class Metrics(EngineMetrics):
    """Records the engine's metrics, and adds a section's figures to its span."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry, _NAMES)
        self._audio = names.DIARIZER_AUDIO.counter(registry)
        self._clustered = names.DIARIZER_CLUSTERED.counter(registry)

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

"""Every metric of every process: its name with the unit, one sentence, its labels. Nothing else may name a metric.

No label holds an id of a tenant, a job or a file: the values of each label are few and known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Unary calls take milliseconds, section streams take seconds, uploads and watches take minutes.
_SECONDS_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)
_LAG_BUCKETS: Final = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_LIVE_BUCKETS: Final = (0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 30)
_DELIVERY_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 30, 60)
_BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64, 128)
_FILL_BUCKETS: Final = (0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1)


@dataclass(frozen=True, slots=True)
class MetricName:
    """The name of a metric, and one sentence that says what it measures."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CounterName(MetricName):
    """The name of a counter, which ends in `_total`."""

    def counter(self, registry: CollectorRegistry) -> Counter:
        """Return the counter."""
        return Counter(self.name, self.meaning, self.labels, registry=registry)


@dataclass(frozen=True, slots=True)
class GaugeName(MetricName):
    """The name of a gauge."""

    def gauge(self, registry: CollectorRegistry) -> Gauge:
        """Return the gauge."""
        return Gauge(self.name, self.meaning, self.labels, registry=registry)


@dataclass(frozen=True, slots=True)
class HistogramName(MetricName):
    """The name of a histogram; `buckets` are upper bounds."""

    buckets: tuple[float, ...] = _SECONDS_BUCKETS

    def histogram(self, registry: CollectorRegistry) -> Histogram:
        """Return the histogram."""
        return Histogram(self.name, self.meaning, self.labels, registry=registry, buckets=self.buckets)


# Every process.
RPC_HANDLED: Final = CounterName(
    "locution_rpc_server_handled_total", "Calls that ended, by method and status code.", ("method", "code")
)
RPC_ERRORS: Final = CounterName(
    "locution_rpc_server_errors_total",
    "Calls that were refused or failed, by method and error reason.",
    ("method", "reason"),
)
RPC_SECONDS: Final = HistogramName(
    "locution_rpc_server_duration_seconds", "Seconds from the start of a call to its end.", ("method",)
)
RPC_IN_FLIGHT: Final = GaugeName("locution_rpc_server_in_flight", "Calls in progress.", ("method",))
HEALTH_PROBE: Final = GaugeName("locution_health_probe_up", "1 while the named probe passes, else 0.", ("probe",))
LOOP_LAG: Final = HistogramName(
    "locution_event_loop_lag_seconds",
    "Seconds by which the event loop ran a callback late, measured every 50 ms.",
    buckets=_LAG_BUCKETS,
)
TASK_UP: Final = GaugeName(
    "locution_background_task_up", "1 while the named background task runs, 0 while it is failing.", ("task",)
)
TASK_FAILURES: Final = CounterName(
    "locution_background_task_failures_total",
    "Failures of the named background task, each followed by a restart.",
    ("task",),
)

# The api: the queue, and what else it measures of the whole installation.
QUEUE_STAGES: Final = GaugeName(
    "locution_queue_stages", "Stages of the whole installation that wait for a worker, by kind.", ("kind",)
)
QUEUE_AUDIO: Final = GaugeName(
    "locution_queue_audio_seconds",
    "Seconds of audio of the stages that wait for a worker, by kind; 0 for decode, which finds the length.",
    ("kind",),
)
QUEUE_OLDEST: Final = GaugeName(
    "locution_queue_oldest_seconds",
    "Seconds for which the oldest waiting stage has been ready, counted from its first attempt if it had one, by kind.",
    ("kind",),
)
QUEUE_TENANTS: Final = GaugeName(
    "locution_queue_tenants", "Tenants whose stages wait for a worker, by kind.", ("kind",)
)
QUEUE_LEASED: Final = GaugeName(
    "locution_queue_leased_stages", "Stages of the whole installation that workers hold, by kind.", ("kind",)
)
TROUBLED_ROWS: Final = GaugeName(
    "locution_troubled_rows",
    "Rows that background work fails on, by work and whether they are set aside.",
    ("work", "state"),
)
SLOTS_HELD: Final = GaugeName("locution_slots_held", "Slots that are held, by kind.", ("kind",))
SLOTS_MOST: Final = GaugeName(
    "locution_slots_held_most", "Slots that the tenant with the most holds, by kind.", ("kind",)
)
SLOTS_TAKEN: Final = CounterName(
    "locution_slots_taken_back_total", "Lent slots that went back to a tenant below its floor, by kind.", ("kind",)
)
SLOTS_REAPED: Final = CounterName(
    "locution_slots_reaped_total", "Slots that were still held after their call had ended, by kind.", ("kind",)
)

# Api and worker: the decoding of compressed live streams, and of recordings.
DECODE_CHILDREN: Final = CounterName(
    "locution_decode_children_total",
    "Decode children that ended, by outcome: decoded, cancelled, or the error reason.",
    ("outcome",),
)

# The api: live streams.
LIVE_STREAMS: Final = GaugeName("locution_live_streams", "Live streams that are open.")
LIVE_PARTIAL_LAG: Final = HistogramName(
    "locution_live_partial_lag_seconds",
    "Seconds of audio by which a partial trails what was received.",
    buckets=_LIVE_BUCKETS,
)
LIVE_FINAL_LAG: Final = HistogramName(
    "locution_live_final_lag_seconds",
    "Seconds of audio between the end of a final and what was received when it came.",
    buckets=_LIVE_BUCKETS,
)
LIVE_CONFIRMED: Final = HistogramName(
    "locution_live_confirm_seconds",
    "Seconds from when the end of a word was received until the word was confirmed.",
    buckets=_LIVE_BUCKETS,
)
LIVE_FINALS: Final = CounterName("locution_live_finals_total", "Finals that were given.")

# The worker: stages.
STAGE_CLAIMS: Final = CounterName(
    "locution_stage_claims_total", "Stages that this worker took from the queue, by kind.", ("kind",)
)
STAGES_RUNNING: Final = GaugeName("locution_stages_running", "Stages that this worker runs, by kind.", ("kind",))
STAGE_ATTEMPTS: Final = CounterName(
    "locution_stage_attempts_total",
    "Attempts at stages that ended, by kind and outcome: done, returned (no capacity, uses no attempt), retried, dead"
    " (not tried again), cancelled, released (the worker stops or lends its place), lost (the lease ended, or the job"
    " was deleted).",
    ("kind", "outcome"),
)
STAGE_FAILURES: Final = CounterName(
    "locution_stage_failures_total",
    "Attempts at stages that were returned, retried or dead, by kind and error reason.",
    ("kind", "reason"),
)
STAGE_SECONDS: Final = HistogramName(
    "locution_stage_seconds", "Seconds of an attempt that gave a result, until it was stored, by kind.", ("kind",)
)
STAGE_AUDIO: Final = CounterName(
    "locution_stage_audio_seconds_total", "Seconds of audio of the stages that gave a result, by kind.", ("kind",)
)
LEASES_EXPIRED: Final = CounterName(
    "locution_stage_leases_expired_total",
    "Stages that this worker took from silent workers, by kind.",
    ("kind",),
)
# The worker: webhooks.
WEBHOOK_ATTEMPTS: Final = CounterName(
    "locution_webhook_attempts_total",
    "Attempts at deliveries that ended, by outcome: delivered, failed (made again), dead (the last one), released.",
    ("outcome",),
)
WEBHOOK_SECONDS: Final = HistogramName(
    "locution_webhook_attempt_seconds",
    "Seconds of an attempt, from its signing to the receiver's answer.",
    ("outcome",),
    _DELIVERY_BUCKETS,
)
WEBHOOK_BACKLOG: Final = GaugeName(
    "locution_webhook_backlog", "Deliveries of the whole installation that wait for webhooks which are not disabled."
)
WEBHOOK_LATE: Final = GaugeName(
    "locution_webhook_late_seconds", "Seconds for which the first waiting delivery of the whole installation is due."
)

# asr.
ASR_AUDIO: Final = CounterName(
    "locution_asr_audio_seconds_total",
    "Seconds of audio, by traffic class and what became of them.",
    ("traffic", "outcome"),
)
ASR_SPEECH: Final = CounterName("locution_asr_speech_seconds_total", "Seconds in which the detector heard speech.", ())
ASR_TEXT: Final = CounterName("locution_asr_text_speech_seconds_total", "Seconds of detected speech that gave text.")
ASR_DROPPED: Final = CounterName(
    "locution_asr_dropped_spans_total", "Spans of audio that were dropped or failed, by reason.", ("reason",)
)
ASR_QUEUE_SECONDS: Final = HistogramName("locution_asr_queue_seconds", "Seconds that a window waited.", ("traffic",))
ASR_REDONE: Final = CounterName("locution_asr_redone_windows_total", "Windows that were decoded more than once.")
ASR_BATCH_SIZE: Final = HistogramName("locution_asr_batch_windows", "Windows in a batch.", buckets=_BATCH_BUCKETS)
ASR_BATCH_FILL: Final = HistogramName(
    "locution_asr_batch_fill_ratio", "Windows in a batch, as a share of the most that it takes.", buckets=_FILL_BUCKETS
)
ASR_BATCH_SECONDS: Final = HistogramName("locution_asr_batch_seconds", "Seconds that a batch took.")
ASR_QUEUED: Final = GaugeName("locution_asr_queued_audio_seconds", "Seconds of audio that wait now.")
ASR_MODELS: Final = GaugeName("locution_asr_loaded_models", "Models in memory.")
ASR_MODEL_MEMORY: Final = GaugeName("locution_asr_model_memory_bytes", "Bytes of the models in memory.")

# The diarizer.
DIARIZER_AUDIO: Final = CounterName(
    "locution_diarizer_audio_seconds_total", "Seconds of audio in finished sections, by traffic class.", ("traffic",)
)
DIARIZER_CLUSTERED: Final = CounterName("locution_diarizer_clustered_sections_total", "Sections that were clustered.")
DIARIZER_BATCH_SIZE: Final = HistogramName(
    "locution_diarizer_batch_windows", "Windows in a batch.", buckets=_BATCH_BUCKETS
)
DIARIZER_BATCH_FILL: Final = HistogramName(
    "locution_diarizer_batch_fill_ratio",
    "Windows in a batch, as a share of the most that it takes.",
    buckets=_FILL_BUCKETS,
)
DIARIZER_BATCH_SECONDS: Final = HistogramName("locution_diarizer_batch_seconds", "Seconds that a batch took.")
DIARIZER_QUEUED: Final = GaugeName("locution_diarizer_queued_windows", "Windows that wait now.")
DIARIZER_MODELS: Final = GaugeName("locution_diarizer_loaded_models", "Models in memory.")
DIARIZER_MODEL_MEMORY: Final = GaugeName("locution_diarizer_model_memory_bytes", "Bytes of the models in memory.")

_QUEUE: Final = (QUEUE_STAGES, QUEUE_AUDIO, QUEUE_OLDEST, QUEUE_TENANTS, QUEUE_LEASED)
_SLOTS: Final = (SLOTS_HELD, SLOTS_MOST, SLOTS_TAKEN, SLOTS_REAPED)
_LIVE: Final = (LIVE_STREAMS, LIVE_PARTIAL_LAG, LIVE_FINAL_LAG, LIVE_CONFIRMED, LIVE_FINALS)
_ATTEMPTS: Final = (STAGE_CLAIMS, STAGES_RUNNING, STAGE_ATTEMPTS, STAGE_FAILURES, STAGE_SECONDS, STAGE_AUDIO)
_DECODES: Final = (LEASES_EXPIRED, DECODE_CHILDREN)
_WEBHOOKS: Final = (WEBHOOK_ATTEMPTS, WEBHOOK_SECONDS, WEBHOOK_BACKLOG, WEBHOOK_LATE)
_ASR_AUDIO: Final = (ASR_AUDIO, ASR_SPEECH, ASR_TEXT, ASR_DROPPED, ASR_QUEUE_SECONDS, ASR_REDONE)
_ASR_ENGINE: Final = (ASR_BATCH_SIZE, ASR_BATCH_FILL, ASR_BATCH_SECONDS, ASR_QUEUED, ASR_MODELS, ASR_MODEL_MEMORY)
_DIARIZER_BATCHES: Final = (DIARIZER_BATCH_SIZE, DIARIZER_BATCH_FILL, DIARIZER_BATCH_SECONDS)
_DIARIZER_ENGINE: Final = (*_DIARIZER_BATCHES, DIARIZER_QUEUED, DIARIZER_MODELS, DIARIZER_MODEL_MEMORY)

EVERY_PROCESS: Final = "Every process"

METRICS: Final[Mapping[str, tuple[MetricName, ...]]] = {
    EVERY_PROCESS: (
        *(RPC_HANDLED, RPC_ERRORS, RPC_SECONDS, RPC_IN_FLIGHT),
        *(HEALTH_PROBE, LOOP_LAG, TASK_UP, TASK_FAILURES),
    ),
    "gateway api": (*_QUEUE, TROUBLED_ROWS, *_SLOTS, *_LIVE, DECODE_CHILDREN),
    "gateway worker": (*_ATTEMPTS, *_DECODES, *_WEBHOOKS),
    "asr": (*_ASR_AUDIO, *_ASR_ENGINE),
    "diarizer": (DIARIZER_AUDIO, DIARIZER_CLUSTERED, *_DIARIZER_ENGINE),
}
"""The metrics by the processes that serve them."""

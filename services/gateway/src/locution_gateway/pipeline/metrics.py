"""Metrics of the stages that a worker runs."""

from __future__ import annotations

import time
from collections import Counter
from enum import StrEnum
from functools import partial

from locution_common import names
from locution_speech.clock import seconds
from prometheus_client import CollectorRegistry

from locution_gateway.jobs.models import Failure, StageKind, StageLease, StageState
from locution_gateway.pipeline.models import StageWork


class AttemptOutcome(StrEnum):
    """How an attempt at a stage ended."""

    DONE = "done"
    RETURNED = "returned"
    RETRIED = "retried"
    DEAD = "dead"
    CANCELLED = "cancelled"
    RELEASED = "released"
    LOST = "lost"


class StageMetrics:
    """Records the metrics."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._claims = names.STAGE_CLAIMS.counter(registry)
        self._running = names.STAGES_RUNNING.gauge(registry)
        self._attempts = names.STAGE_ATTEMPTS.counter(registry)
        self._failures = names.STAGE_FAILURES.counter(registry)
        self._seconds = names.STAGE_SECONDS.histogram(registry)
        self._audio = names.STAGE_AUDIO.counter(registry)
        self._expired = names.LEASES_EXPIRED.counter(registry)
        self._begin()

    def _begin(self) -> None:
        """Serve what alerts count from the start: the first of a series that was not there is no increase."""
        for kind in StageKind:
            self._claims.labels(kind.lower())
            self._expired.labels(kind.lower())
            for outcome in AttemptOutcome:
                self._attempts.labels(kind.lower(), outcome)

    def watch(self, running: Counter[StageKind]) -> None:
        """Measure the stages that run."""
        for kind in StageKind:
            self._running.labels(kind.lower()).set_function(partial(running.__getitem__, kind))

    def claimed(self, lease: StageLease) -> None:
        """Record a stage that was taken from the queue."""
        self._claims.labels(lease.kind.lower()).inc()

    def done(self, work: StageWork, began: float, done_samples: int) -> None:
        """Record an attempt that gave a result; it began at `began`, a monotonic time, and decoded `done_samples`."""
        self.ended(work.lease, AttemptOutcome.DONE)
        self._seconds.labels(work.lease.kind.lower()).observe(time.monotonic() - began)
        self._audio.labels(work.lease.kind.lower()).inc(seconds(_samples(work, done_samples)))

    def ended(self, lease: StageLease, outcome: AttemptOutcome) -> None:
        """Record how an attempt ended."""
        self._attempts.labels(lease.kind.lower(), outcome).inc()

    def failed(self, lease: StageLease, failure: Failure, state: StageState, again: AttemptOutcome) -> None:
        """Record an attempt whose stage is in `state` now: dead, or waiting for another one as `again`."""
        self.ended(lease, AttemptOutcome.DEAD if state is StageState.DEAD else again)
        self._failures.labels(lease.kind.lower(), failure.reason).inc()

    def expired(self, kind: StageKind) -> None:
        """Record a stage that was taken from a silent worker."""
        self._expired.labels(kind.lower()).inc()


def _samples(work: StageWork, done_samples: int) -> int:
    match work.lease.kind:
        case StageKind.DECODE:
            return done_samples
        case StageKind.TRANSCRIBE | StageKind.DIARIZE:
            return work.section.end - work.section.start
        case StageKind.CLUSTER | StageKind.JOIN:
            return work.job.audio_samples or 0

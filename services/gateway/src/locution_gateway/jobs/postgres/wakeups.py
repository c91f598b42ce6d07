"""Notices (NOTIFY) about events of jobs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from locution_common.postgres import Listener

from locution_gateway.jobs.postgres.events import CHANNEL
from locution_gateway.platform.ids import JobId


class PostgresWakeups:
    """Passes notices on to the watchers of a job; after a reconnection, when notices may be lost, to all watchers."""

    def __init__(self, listener: Listener) -> None:
        self._watchers: dict[str, set[Callable[[], None]]] = {}
        listener.on(CHANNEL, self._notified)

    @contextmanager
    def on_job(self, job_id: JobId, wake: Callable[[], None]) -> Iterator[None]:
        """Call `wake` on every notice about a job while the context is open."""
        watchers = self._watchers.setdefault(str(job_id), set())
        watchers.add(wake)
        try:
            yield
        finally:
            watchers.discard(wake)
            if not watchers:
                self._watchers.pop(str(job_id), None)

    def _notified(self, job_id: str) -> None:
        watched = [self._watchers.get(job_id, ())] if job_id else list(self._watchers.values())
        for wake in [wake for watchers in watched for wake in watchers]:
            wake()

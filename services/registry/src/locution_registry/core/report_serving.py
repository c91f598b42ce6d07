"""Store which models an engine holds in memory."""

from __future__ import annotations

from collections.abc import Collection

from ..domain.models import Kind, ModelPath, Replica
from ..domain.ports import ModelStore


class ReportServing:
    """Store an engine's report for a limited time; without a new report it expires."""

    def __init__(self, store: ModelStore, ttl: float) -> None:
        self._store = store
        self._ttl = ttl

    async def run(self, replica: Replica, kind: Kind, paths: Collection[ModelPath]) -> float:
        """Return the seconds for which the report is valid. Refuses with MODEL_NOT_FOUND."""
        await self._store.report_serving(replica, kind, paths, self._ttl)
        return self._ttl

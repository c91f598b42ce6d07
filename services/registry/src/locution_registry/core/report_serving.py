"""Remember which models an engine holds in memory."""

from __future__ import annotations

from collections.abc import Collection

from ..domain.models import Kind, ModelPath, Replica
from ..domain.ports import ModelStore


class ReportServing:
    """Remember an engine's report for a while; an engine that falls silent is forgotten."""

    def __init__(self, store: ModelStore, ttl: float) -> None:
        self._store = store
        self._ttl = ttl

    async def run(self, replica: Replica, kind: Kind, paths: Collection[ModelPath]) -> float:
        """Return the seconds for which the report holds; refused with MODEL_NOT_FOUND."""
        await self._store.report_serving(replica, kind, paths, self._ttl)
        return self._ttl

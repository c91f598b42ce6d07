"""Read one weight."""

from __future__ import annotations

from ..domain.models import Weight, WeightPath
from ..domain.ports import WeightStore
from .lookup import known


class GetWeight:
    """Read one weight as it was last seen."""

    def __init__(self, store: WeightStore) -> None:
        self._store = store

    async def run(self, path: WeightPath) -> Weight:
        """Return the weight; refused with MODEL_NOT_FOUND."""
        return await known(self._store, path)

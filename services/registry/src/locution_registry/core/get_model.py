"""Read one model."""

from __future__ import annotations

from ..domain.models import Model, ModelPath
from ..domain.ports import ModelStore
from .lookup import known


class GetModel:
    """Read one model as last checked."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    async def run(self, path: ModelPath) -> Model:
        """Return the model. Refuses with MODEL_NOT_FOUND."""
        return await known(self._store, path)

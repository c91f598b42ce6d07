"""Disable a model."""

from __future__ import annotations

from ..domain.models import Action, Actor, Model, ModelPath
from ..domain.ports import ModelStore
from .lookup import known


class DisableModel:
    """Disable a model for new jobs. Running jobs continue, and a default stays the default."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    async def run(self, path: ModelPath, reason: str, actor: Actor) -> Model:
        """Return the disabled model. Refuses with MODEL_NOT_FOUND."""
        async with self._store.changing() as changes:
            model = await known(changes, path)
            disabled = model.disabled(reason)
            return model if disabled == model else await changes.save(disabled, Action.DISABLE, actor)

"""Take a weight out of use."""

from __future__ import annotations

from ..domain.models import Action, Actor, Weight, WeightPath
from ..domain.ports import WeightStore
from .lookup import known


class DisableWeight:
    """Take a weight out of use for new jobs; running ones go on, and a default stays the default."""

    def __init__(self, store: WeightStore) -> None:
        self._store = store

    async def run(self, path: WeightPath, reason: str, actor: Actor) -> Weight:
        """Return the disabled weight; refused with MODEL_NOT_FOUND."""
        async with self._store.changing() as changes:
            weight = await known(changes, path)
            disabled = weight.disabled(reason)
            return weight if disabled == weight else await changes.save(disabled, Action.DISABLE, actor)

"""Make a weight the default of its kind."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from ..domain.models import Action, Actor, Weight, WeightPath
from ..domain.ports import WeightStore
from .check_files import CheckFiles
from .defaults import settle_default
from .lookup import known


class SetDefaultWeight:
    """Move the default to a weight that may be used."""

    def __init__(self, store: WeightStore, check: CheckFiles) -> None:
        self._store = store
        self._check = check

    async def run(self, path: WeightPath, actor: Actor) -> Weight:
        """Return the weight as the default; refused with MODEL_NOT_FOUND and MODEL_NOT_USABLE."""
        await self._check.run(await known(self._store, path))
        async with self._store.changing() as changes:
            weight = await known(changes, path)
            if not weight.usable:
                raise Refused(Reason.MODEL_NOT_USABLE, weight.why_not())
            if weight.is_default:
                return weight
            moved = await settle_default(changes, weight, actor, wanted=True)
            return await changes.save(moved, Action.SET_DEFAULT, actor)

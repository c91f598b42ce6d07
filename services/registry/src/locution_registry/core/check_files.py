"""Notice that a weight's files are missing or changed."""

from __future__ import annotations

from ..domain.errors import ModelLayoutInvalid, ModelPathInvalid
from ..domain.models import REGISTRY, Action, Weight, difference
from ..domain.ports import WeightFolders, WeightStore


class CheckFiles:
    """Compare sizes and times with those registered, and take a weight out of use that differs."""

    def __init__(self, store: WeightStore, folders: WeightFolders) -> None:
        self._store = store
        self._folders = folders

    async def run(self, weight: Weight) -> Weight:
        """Return the weight as it is now; only an enabled one is looked at."""
        if not weight.usable:
            return weight
        fault = await self._fault(weight)
        return weight if fault is None else await self._invalidate(weight, fault)

    async def _fault(self, weight: Weight) -> str | None:
        try:
            found = await self._folders.stamps(weight.path)
        except (ModelPathInvalid, ModelLayoutInvalid) as error:
            return error.message
        return difference(weight.files, found)

    async def _invalidate(self, weight: Weight, fault: str) -> Weight:
        async with self._store.changing() as changes:
            now = await changes.find(weight.path)
            if now is None or not now.usable or now.files != weight.files:
                return now or weight  # someone else changed it meanwhile, and knows better
            return await changes.save(now.invalid(fault), Action.INVALIDATE, REGISTRY)

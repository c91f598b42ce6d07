"""Notice that a model's files are missing or changed."""

from __future__ import annotations

from ..domain.errors import ModelLayoutInvalid, ModelPathInvalid
from ..domain.models import REGISTRY, Action, Model, difference
from ..domain.ports import ModelFolders, ModelStore


class CheckFiles:
    """Compare sizes and times with those registered, and take a model out of use that differs."""

    def __init__(self, store: ModelStore, folders: ModelFolders) -> None:
        self._store = store
        self._folders = folders

    async def run(self, model: Model) -> Model:
        """Return the model as it is now; only an enabled one is looked at."""
        if not model.usable:
            return model
        fault = await self._fault(model)
        return model if fault is None else await self._invalidate(model, fault)

    async def _fault(self, model: Model) -> str | None:
        try:
            found = await self._folders.stamps(model.path)
        except (ModelPathInvalid, ModelLayoutInvalid) as error:
            return error.message
        return difference(model.files, found)

    async def _invalidate(self, model: Model, fault: str) -> Model:
        async with self._store.changing() as changes:
            now = await changes.find(model.path)
            if now is None or not now.usable or now.files != model.files:
                return now or model  # someone else changed it meanwhile, and knows better
            return await changes.save(now.invalid(fault), Action.INVALIDATE, REGISTRY)

"""Detect missing or changed files of a model."""

from __future__ import annotations

from ..domain.errors import ModelLayoutInvalid, ModelPathInvalid
from ..domain.models import REGISTRY, Action, Model, difference
from ..domain.ports import ModelFolders, ModelStore


class CheckFiles:
    """Compare sizes and times with the registered ones, and mark a model that differs as INVALID."""

    def __init__(self, store: ModelStore, folders: ModelFolders) -> None:
        self._store = store
        self._folders = folders

    async def run(self, model: Model) -> Model:
        """Return the current model; only enabled models are checked."""
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

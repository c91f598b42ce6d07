"""Make a model the default of its kind."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from ..domain.models import Action, Actor, Model, ModelPath
from ..domain.ports import ModelStore
from .check_files import CheckFiles
from .defaults import settle_default
from .lookup import known


class SetDefaultModel:
    """Make a usable model the default."""

    def __init__(self, store: ModelStore, check: CheckFiles) -> None:
        self._store = store
        self._check = check

    async def run(self, path: ModelPath, actor: Actor) -> Model:
        """Return the model as the default. Refuses with MODEL_NOT_FOUND and MODEL_NOT_USABLE."""
        await self._check.run(await known(self._store, path))
        async with self._store.changing() as changes:
            model = await known(changes, path)
            if not model.usable:
                raise Refused(Reason.MODEL_NOT_USABLE, model.why_not())
            if model.is_default:
                return model
            moved = await settle_default(changes, model, actor, wanted=True)
            return await changes.save(moved, Action.SET_DEFAULT, actor)

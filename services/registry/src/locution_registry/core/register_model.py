"""Register a folder below the models root."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from ..domain.models import Action, Actor, Inspection, Model, ModelPath, State
from ..domain.ports import ModelFolders, ModelStore
from .defaults import settle_default


class RegisterModel:
    """Inspect and hash a folder, then store and enable the model."""

    def __init__(self, store: ModelStore, folders: ModelFolders) -> None:
        self._store = store
        self._folders = folders

    async def run(self, path: ModelPath, actor: Actor, *, make_default: bool, validate_only: bool) -> Model:
        """Return the model as registered, or as it would be.

        A registered model whose files changed is replaced. Raises ModelPathInvalid, ModelLayoutInvalid and
        MODEL_ALREADY_REGISTERED.
        """
        found = await self._folders.inspect(path)
        async with self._store.changing(keep=not validate_only) as changes:
            before = await changes.find(path)
            model = await settle_default(changes, _registered(before, path, found), actor, wanted=make_default)
            return await changes.save(model, Action.REGISTER if before is None else Action.REPLACE, actor)


def _registered(before: Model | None, path: ModelPath, found: Inspection) -> Model:
    """Return the new model. Refuses a DISABLED one, or one with the same files."""
    model = Model(path=path, layout=found.layout, files=found.files)
    if before is None:
        return model
    if before.state is State.DISABLED:
        raise Refused(Reason.MODEL_ALREADY_REGISTERED, f"{before.why_not()}; enable it")
    if before.checksum == model.checksum:
        raise Refused(Reason.MODEL_ALREADY_REGISTERED, f"{path} is already registered, and its files have not changed")
    return model

"""Enable a model."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from ..domain.errors import ModelLayoutInvalid, ModelPathInvalid
from ..domain.models import Action, Actor, Model, ModelFile, ModelPath, State, checksum, summary
from ..domain.ports import ModelFolders, ModelStore
from .defaults import settle_default
from .lookup import known


class EnableModel:
    """Hash all files again, and enable the model if they are the registered ones."""

    def __init__(self, store: ModelStore, folders: ModelFolders) -> None:
        self._store = store
        self._folders = folders

    async def run(self, path: ModelPath, actor: Actor, *, even_disabled: bool = True) -> Model:
        """Return the enabled model. Refuses with MODEL_NOT_FOUND and MODEL_CHECKSUM_MISMATCH.

        A model whose files differ becomes INVALID and may be registered again. A model that an administrator disabled
        stays disabled unless `even_disabled`.
        """
        model = await known(self._store, path)
        files, fault = await self._examine(model)
        async with self._store.changing() as changes:
            now = await known(changes, path)
            if now.state is State.DISABLED and not even_disabled:
                return now
            if now.checksum != model.checksum:
                raise Refused(Reason.MODEL_CHECKSUM_MISMATCH, f"{path} was registered again meanwhile")
            if fault is None:
                enabled = await settle_default(changes, now.enabled(files), actor)
                return now if enabled == now else await changes.save(enabled, Action.ENABLE, actor)
            if now.state is not State.INVALID or now.state_reason != fault:
                await changes.save(now.invalid(fault), Action.INVALIDATE, actor)
        raise Refused(Reason.MODEL_CHECKSUM_MISMATCH, f"the files of {path} differ from the registered ones: {fault}")

    async def _examine(self, model: Model) -> tuple[tuple[ModelFile, ...], str | None]:
        try:
            files = await self._folders.digest(model.path)
        except (ModelPathInvalid, ModelLayoutInvalid) as error:
            return (), error.message
        return files, None if checksum(files) == model.checksum else _difference(model.files, files)


def _difference(known_files: tuple[ModelFile, ...], files: tuple[ModelFile, ...]) -> str:
    was = {file.path: file.sha256 for file in known_files}
    found = {file.path: file.sha256 for file in files}
    changed = [path for path in sorted(was.keys() | found.keys()) if was.get(path) != found.get(path)]
    return summary([f"{path} {_verb(path in was, path in found)}" for path in changed]) or "its files changed"


def _verb(was: bool, found: bool) -> str:
    return "has other content" if was and found else "is missing" if was else "was added"

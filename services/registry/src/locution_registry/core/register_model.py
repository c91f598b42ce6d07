"""Register a folder below the models root."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from ..domain.models import Action, Actor, Inspection, State, Weight, WeightPath
from ..domain.ports import WeightFolders, WeightStore
from .defaults import settle_default


class RegisterWeight:
    """Inspect and digest a folder, then keep it, enabled at once."""

    def __init__(self, store: WeightStore, folders: WeightFolders) -> None:
        self._store = store
        self._folders = folders

    async def run(self, path: WeightPath, actor: Actor, *, make_default: bool, validate_only: bool) -> Weight:
        """Return the weight as registered, or as it would be.

        A registered weight whose files have changed is replaced. Raises ModelPathInvalid, ModelLayoutInvalid and
        MODEL_ALREADY_REGISTERED.
        """
        found = await self._folders.inspect(path)
        async with self._store.changing(keep=not validate_only) as changes:
            before = await changes.find(path)
            weight = await settle_default(changes, _registered(before, path, found), actor, wanted=make_default)
            return await changes.save(weight, Action.REGISTER if before is None else Action.REPLACE, actor)


def _registered(before: Weight | None, path: WeightPath, found: Inspection) -> Weight:
    """Return the new weight; refused with MODEL_ALREADY_REGISTERED unless an earlier one has lost its files."""
    weight = Weight(path=path, layout=found.layout, files=found.files)
    if before is None:
        return weight
    if before.state is State.DISABLED:
        raise Refused(Reason.MODEL_ALREADY_REGISTERED, f"{before.why_not()}; enable it")
    if before.checksum == weight.checksum:
        raise Refused(Reason.MODEL_ALREADY_REGISTERED, f"{path} is registered already, and its files have not changed")
    return weight

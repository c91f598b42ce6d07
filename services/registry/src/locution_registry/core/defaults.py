"""The rule of defaults: each kind has at most one, and its first enabled model becomes it."""

from __future__ import annotations

from ..domain.models import Action, Actor, Model
from ..domain.ports import Changes


async def settle_default(changes: Changes, model: Model, actor: Actor, *, wanted: bool = False) -> Model:
    """Return the model with its default flag; clear the old default if it is replaced."""
    default = await changes.default_of(model.kind)
    if default is None or default.path == model.path:
        return model.default(True)
    if wanted:
        await changes.save(default.default(False), Action.CLEAR_DEFAULT, actor)
    return model.default(wanted)

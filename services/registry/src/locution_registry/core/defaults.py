"""The rule of defaults: a kind has at most one, and the first enabled model of a kind becomes it."""

from __future__ import annotations

from ..domain.models import Action, Actor, Model
from ..domain.ports import Changes


async def settle_default(changes: Changes, model: Model, actor: Actor, *, wanted: bool = False) -> Model:
    """Return the model with its place settled, the old default cleared if it has to give way."""
    default = await changes.default_of(model.kind)
    if default is None or default.path == model.path:
        return model.default(True)
    if wanted:
        await changes.save(default.default(False), Action.CLEAR_DEFAULT, actor)
    return model.default(wanted)

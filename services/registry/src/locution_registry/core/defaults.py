"""The rule of defaults: a kind has at most one, and the first enabled weight of a kind becomes it."""

from __future__ import annotations

from ..domain.models import Action, Actor, Weight
from ..domain.ports import Changes


async def settle_default(changes: Changes, weight: Weight, actor: Actor, *, wanted: bool = False) -> Weight:
    """Return the weight with its place settled, the old default cleared if it has to give way."""
    default = await changes.default_of(weight.kind)
    if default is None or default.path == weight.path:
        return weight.default(True)
    if wanted:
        await changes.save(default.default(False), Action.CLEAR_DEFAULT, actor)
    return weight.default(wanted)

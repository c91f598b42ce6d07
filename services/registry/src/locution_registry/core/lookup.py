"""Find one weight, or say that there is none."""

from __future__ import annotations

from typing import Protocol

from locution_common.errors import Reason, Refused

from ..domain.models import Weight, WeightPath


class Finder(Protocol):
    """Something that finds weights: the store, or a change of it."""

    async def find(self, path: WeightPath) -> Weight | None:
        """Return the weight, or None."""
        ...


async def known(finder: Finder, path: WeightPath) -> Weight:
    """Return the weight; refused with MODEL_NOT_FOUND."""
    weight = await finder.find(path)
    if weight is None:
        raise Refused(Reason.MODEL_NOT_FOUND, f"there is no model {path}")
    return weight

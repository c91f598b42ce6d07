"""Find one model, or say that there is none."""

from __future__ import annotations

from typing import Protocol

from locution_common.errors import Reason, Refused

from ..domain.models import Model, ModelPath


class Finder(Protocol):
    """Something that finds models: the store, or a change of it."""

    async def find(self, path: ModelPath) -> Model | None:
        """Return the model, or None."""
        ...


async def known(finder: Finder, path: ModelPath) -> Model:
    """Return the model; refused with MODEL_NOT_FOUND."""
    model = await finder.find(path)
    if model is None:
        raise Refused(Reason.MODEL_NOT_FOUND, f"there is no model {path}")
    return model

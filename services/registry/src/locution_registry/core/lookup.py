"""Find one model."""

from __future__ import annotations

from typing import Protocol

from locution_common.errors import Reason, Refused

from ..domain.models import Model, ModelPath


class Finder(Protocol):
    """A source of models: the store, or a transaction of it."""

    async def find(self, path: ModelPath) -> Model | None:
        """Return the model, or None."""
        ...


async def known(finder: Finder, path: ModelPath) -> Model:
    """Return the model. Refuses with MODEL_NOT_FOUND."""
    model = await finder.find(path)
    if model is None:
        raise Refused(Reason.MODEL_NOT_FOUND, f"there is no model {path}")
    return model

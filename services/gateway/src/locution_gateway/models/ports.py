"""What the api needs of the world."""

from __future__ import annotations

from typing import Protocol

from locution_gateway.models.models import ModelKind, ResolvedModel


class ModelResolver(Protocol):
    """Knows which model a job is to use."""

    async def resolve(self, kind: ModelKind, choice: str | None) -> ResolvedModel:
        """Choose a model.

        Refused with MODEL_NOT_FOUND, MODEL_NOT_USABLE, MODEL_NONE_USABLE, DependencyUnavailable.
        """

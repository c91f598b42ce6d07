"""The ports of the api."""

from __future__ import annotations

from typing import Protocol

from locution_gateway.models.models import ModelKind, ResolvedModel


class ModelResolver(Protocol):
    """Resolves the model of a job."""

    async def resolve(self, kind: ModelKind, choice: str | None) -> ResolvedModel:
        """Choose a model. Refuses with MODEL_NOT_FOUND, MODEL_NOT_USABLE, MODEL_NONE_USABLE, DependencyUnavailable."""

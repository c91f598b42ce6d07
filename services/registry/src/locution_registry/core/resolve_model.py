"""Choose the model of a job: the requested one, else the default, else the next usable one."""

from __future__ import annotations

from dataclasses import dataclass

from locution_common.errors import Reason, Refused

from ..domain.models import Kind, Model, ModelPath
from ..domain.ports import ModelStore
from .check_files import CheckFiles
from .lookup import known


@dataclass(frozen=True, slots=True)
class Resolution:
    """The model to use, and the reason if it is not the first choice."""

    model: Model
    fallback: str | None


class ResolveModel:
    """Try the candidates until one is enabled and its files are unchanged."""

    def __init__(self, store: ModelStore, check: CheckFiles) -> None:
        self._store = store
        self._check = check

    async def run(self, kind: Kind, choice: ModelPath | None) -> Resolution:
        """Return the first usable of: the requested model, the default, the others from oldest to newest.

        Refuses with MODEL_NOT_FOUND if the requested model is not registered, MODEL_NOT_USABLE if it is of another
        kind, and MODEL_NONE_USABLE if no candidate is usable.
        """
        obstacles: list[str] = []
        for candidate in await self._candidates(kind, choice):
            model = await self._check.run(candidate)
            if model.usable:
                return Resolution(model, _fallback(model, obstacles))
            obstacles.append(model.why_not())
        raise Refused(Reason.MODEL_NONE_USABLE, f"no {kind} model may be used now" + _because(obstacles))

    async def _candidates(self, kind: Kind, choice: ModelPath | None) -> list[Model]:
        models = await self._store.of_kind(kind)
        if choice is None:
            return models
        chosen = await known(self._store, choice)
        if chosen.kind is not kind:
            raise Refused(Reason.MODEL_NOT_USABLE, f"{choice} is a model of kind {chosen.kind}, not {kind}")
        return [chosen, *(model for model in models if model.path != choice)]


def _fallback(model: Model, obstacles: list[str]) -> str | None:
    return f"{model.path} is used: {'; '.join(obstacles)}" if obstacles else None


def _because(obstacles: list[str]) -> str:
    return f": {'; '.join(obstacles)}" if obstacles else ": none is registered"

"""Store the qualification of a model's fast mode."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from ..domain.models import Action, Actor, Model, ModelPath, Qualification
from ..domain.ports import ModelStore
from .lookup import known


class RecordQualification:
    """Store a qualification for exactly the files that it measured."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    async def run(self, path: ModelPath, checksum: str, qualification: Qualification, actor: Actor) -> Model:
        """Return the model with its qualification. Refuses with MODEL_NOT_FOUND and MODEL_CHECKSUM_MISMATCH."""
        async with self._store.changing() as changes:
            model = await known(changes, path)
            if model.checksum != checksum.lower():
                raise Refused(
                    Reason.MODEL_CHECKSUM_MISMATCH, f"the qualification measured other files than those of {path}"
                )
            judged = model.judged(qualification)
            return model if judged == model else await changes.save(judged, Action.RECORD_QUALIFICATION, actor)

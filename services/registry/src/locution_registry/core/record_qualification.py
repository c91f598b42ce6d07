"""Keep what the gate found about a model's fast mode."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from ..domain.models import Action, Actor, Model, ModelPath, Verdict
from ..domain.ports import ModelStore
from .lookup import known


class RecordVerdict:
    """Keep a verdict on exactly the files that were run."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store

    async def run(self, path: ModelPath, checksum: str, verdict: Verdict, actor: Actor) -> Model:
        """Return the model with its verdict; refused with MODEL_NOT_FOUND and MODEL_CHECKSUM_MISMATCH."""
        async with self._store.changing() as changes:
            model = await known(changes, path)
            if model.checksum != checksum.lower():
                raise Refused(Reason.MODEL_CHECKSUM_MISMATCH, f"the verdict is about other files than those of {path}")
            judged = model.judged(verdict)
            return model if judged == model else await changes.save(judged, Action.RECORD_VERDICT, actor)

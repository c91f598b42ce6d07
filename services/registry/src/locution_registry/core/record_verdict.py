"""Keep what the gate found about a weight's fast mode."""

from __future__ import annotations

from locution_common.errors import Reason, Refused

from ..domain.models import Action, Actor, Verdict, Weight, WeightPath
from ..domain.ports import WeightStore
from .lookup import known


class RecordVerdict:
    """Keep a verdict on exactly the files that were run."""

    def __init__(self, store: WeightStore) -> None:
        self._store = store

    async def run(self, path: WeightPath, checksum: str, verdict: Verdict, actor: Actor) -> Weight:
        """Return the weight with its verdict; refused with MODEL_NOT_FOUND and MODEL_CHECKSUM_MISMATCH."""
        async with self._store.changing() as changes:
            weight = await known(changes, path)
            if weight.checksum != checksum.lower():
                raise Refused(Reason.MODEL_CHECKSUM_MISMATCH, f"the verdict is about other files than those of {path}")
            judged = weight.judged(verdict)
            return weight if judged == weight else await changes.save(judged, Action.RECORD_VERDICT, actor)

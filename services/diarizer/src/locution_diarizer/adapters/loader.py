"""Load weights from the models root: inside it, unchanged."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from locution_speech.engine.folders import folder_of, verify
from locution_speech.engine.models import WeightRecord

from locution_diarizer.adapters import pyannote_model
from locution_diarizer.adapters.devices import Device
from locution_diarizer.domain.ports import LoadedWeight


@dataclass(frozen=True, slots=True)
class PyannoteLoader:
    """Load pyannote pipeline folders onto a device."""

    root: Path
    device: Device

    def load(self, record: WeightRecord) -> LoadedWeight:
        """Load a weight after its path and its files' digests were checked."""
        folder = folder_of(self.root, record)
        verify(folder, record)
        model = pyannote_model.load(folder, device=self.device.name, threads=self.device.threads)
        return LoadedWeight(record, model, self.device.name, self.device.batch_size)

    def renewed(self, weight: LoadedWeight, record: WeightRecord) -> LoadedWeight:
        """Return the weight with what the registry says of it now."""
        return replace(weight, record=record)

    def unload(self, weight: LoadedWeight) -> None:
        """Do nothing: its memory goes with the last reference to it."""

"""Load models from below the models root, verified."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from locution_speech.engine.folders import folder_of, verify
from locution_speech.engine.models import ModelRecord

from locution_diarizer.adapters import pyannote_model
from locution_diarizer.adapters.devices import Device
from locution_diarizer.domain.ports import LoadedModel


@dataclass(frozen=True, slots=True)
class PyannoteLoader:
    """Load pyannote pipeline folders onto a device."""

    root: Path
    device: Device

    def load(self, record: ModelRecord) -> LoadedModel:
        """Load a model after checking its path and the digests of its files."""
        folder = folder_of(self.root, record)
        verify(folder, record)
        model = pyannote_model.load(folder, device=self.device.name, threads=self.device.threads)
        return LoadedModel(record, model, self.device.name, self.device.batch_size)

    def renewed(self, model: LoadedModel, record: ModelRecord) -> LoadedModel:
        """Return the model with its current record."""
        return replace(model, record=record)

    def unload(self, model: LoadedModel) -> None:
        """Do nothing: the last reference frees its memory."""

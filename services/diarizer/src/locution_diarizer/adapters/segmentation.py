"""Detect which local speakers of a window are active in which frame, with a pyannote segmentation model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from locution_speech.engine.errors import ModelLoadFailed
from locution_speech.pcm import Samples

from locution_diarizer.adapters import pyannote_parts as parts
from locution_diarizer.domain.models import Activity, Grid


class Segmentation:
    """Runs a powerset segmentation model (Plaquet and Bredin, Interspeech 2023) on windows of its own length."""

    def __init__(self, model: Any, *, step_ratio: float, device: torch.device) -> None:
        task = model.specifications
        if not task.powerset:
            raise ModelLoadFailed("only powerset segmentation models are supported")
        self._model = model.to(device)
        self._device = device
        self._powerset = parts.Powerset(len(task.classes), task.powerset_max_classes).to(device)
        self.grid = _grid(model, step_ratio)

    def __call__(self, windows: Sequence[Samples]) -> list[Activity]:
        """Return the activity (frames, speakers) of each window of `grid.size` samples."""
        batch = torch.from_numpy(np.stack(windows))[:, None].to(self._device)
        with torch.inference_mode():
            active = self._powerset(self._model(batch)).cpu().numpy() > 0.5
        return list(active)


def _grid(model: Any, step_ratio: float) -> Grid:
    size = round(model.specifications.duration * model.hparams.sample_rate)
    field = model.receptive_field_size
    return Grid(
        size=size,
        step=round(size * step_ratio),
        frames=model.num_frames(size),
        frame_step=field(num_frames=2) - field(num_frames=1),
        frame_centre=field(num_frames=1) // 2,
    )

"""Load a pyannote pipeline folder as a SpeakerModel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from locution_speech.clock import samples
from locution_speech.engine.errors import ModelLoadFailed
from locution_speech.pcm import Samples
from locution_speech.speakers import SpeakerHints

from locution_diarizer.adapters import checkpoint, pipeline_folder
from locution_diarizer.adapters import pyannote_parts as parts
from locution_diarizer.adapters.clustering import AgglomerativeVoices, VbxVoices
from locution_diarizer.adapters.embedding import Embedding, OnnxEmbedding, OnnxFault, TorchEmbedding
from locution_diarizer.adapters.pipeline_folder import PipelineFolder
from locution_diarizer.adapters.segmentation import Segmentation
from locution_diarizer.domain.models import Activity, Grid, Vector, WindowVoices

CLEAN = samples(0.5)


class Voices(Protocol):
    """Find voices among embeddings."""

    exclusive: bool

    def centroids(self, embeddings: Vector, share: float, hints: SpeakerHints) -> Vector:
        """Give one centroid a voice."""
        ...


class PyannoteModel:
    """Run segmentation and embedding on windows, and the pipeline's clustering on embeddings."""

    def __init__(
        self, segmentation: Segmentation, embedding: Embedding, voices: Voices, config: PipelineFolder
    ) -> None:
        self.grid: Grid = segmentation.grid
        self.exclusive = voices.exclusive
        self.min_silence = samples(config.min_silence)
        self._segmentation = segmentation
        self._embedding = embedding
        self._voices = voices
        self._exclude_overlap = config.exclude_overlap

    def analyse(self, windows: Sequence[Samples]) -> list[WindowVoices]:
        """Analyse windows of `grid.size` samples each."""
        activities = self._segmentation(windows)
        masks = [self._mask(activity) for activity in activities] if self._exclude_overlap else activities
        embeddings = self._embedding(windows, masks)
        return [WindowVoices(a, e.astype(np.float16)) for a, e in zip(activities, embeddings, strict=True)]

    def voices(self, embeddings: Vector, share: float, hints: SpeakerHints) -> Vector:
        """Find the voices behind embeddings."""
        return self._voices.centroids(embeddings, share, hints)

    def _mask(self, activity: Activity) -> Activity:
        """Leave overlap out of each speaker's speech, unless too little remains."""
        clean = activity & (activity.sum(axis=1, keepdims=True) < 2)
        enough = clean.sum(axis=0) * self.grid.frame_step > CLEAN
        return np.where(enough, clean, activity)


def load(folder: Path, *, device: str, threads: int = 1) -> PyannoteModel:
    """Load a model's folder onto a device, with so many threads a call; raises ModelLoadFailed when it cannot be."""
    config = pipeline_folder.read(folder)
    target = torch.device(device)
    segmentation = checkpoint.build(checkpoint.read(config.segmentation))
    return PyannoteModel(
        Segmentation(segmentation, step_ratio=config.step, device=target),
        _embedding(config.embedding, target, threads),
        _voices(config),
        config,
    )


def _embedding(path: Path, device: torch.device, threads: int) -> Embedding:
    exported = [path] if path.suffix == ".onnx" else sorted(path.glob("*.onnx"))
    if exported:
        return _onnx(exported[0], threads, cuda=device.type == "cuda")
    return TorchEmbedding(checkpoint.build(checkpoint.read(path)), device=device)


def _voices(config: PipelineFolder) -> Voices:
    if config.clustering == "AgglomerativeClustering":
        return AgglomerativeVoices(config.clustering_parameters, density=config.density)
    if config.plda is None:
        raise ModelLoadFailed("VBxClustering needs a plda")
    try:
        plda = parts.PLDA(config.plda / "xvec_transform.npz", config.plda / "plda.npz")
    except (OSError, KeyError, ValueError) as error:
        raise ModelLoadFailed(f"the plda cannot be read: {error!s}") from error
    return VbxVoices(config.clustering_parameters, plda)


def _onnx(path: Path, threads: int, *, cuda: bool) -> OnnxEmbedding:
    try:
        return OnnxEmbedding(path, threads=threads, cuda=cuda)
    except OnnxFault as error:
        raise ModelLoadFailed(f"{path.name} cannot be read") from error

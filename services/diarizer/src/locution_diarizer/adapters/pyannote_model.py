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
from locution_diarizer.adapters.clustering import AgglomerativeCentroids, VbxCentroids
from locution_diarizer.adapters.embedding import Embedding, OnnxEmbedding, OnnxFault, TorchEmbedding
from locution_diarizer.adapters.pipeline_folder import PipelineFolder
from locution_diarizer.adapters.segmentation import Segmentation
from locution_diarizer.domain.models import Activity, Grid, Vector, WindowSpeakers

CLEAN = samples(0.5)


class Centroids(Protocol):
    """Clusters embeddings into speakers."""

    exclusive: bool

    def centroids(self, embeddings: Vector, share: float, hints: SpeakerHints) -> Vector:
        """Return one centroid per speaker."""
        ...


class PyannoteModel:
    """Runs segmentation and embedding on windows, and the pipeline's clustering on embeddings."""

    def __init__(
        self, segmentation: Segmentation, embedding: Embedding, centroids: Centroids, config: PipelineFolder
    ) -> None:
        self.grid: Grid = segmentation.grid
        self.exclusive = centroids.exclusive
        self.min_silence = samples(config.min_silence)
        self._segmentation = segmentation
        self._embedding = embedding
        self._centroids = centroids
        self._exclude_overlap = config.exclude_overlap

    def analyse(self, windows: Sequence[Samples]) -> list[WindowSpeakers]:
        """Analyse windows of `grid.size` samples each."""
        activities = self._segmentation(windows)
        masks = [self._mask(activity) for activity in activities] if self._exclude_overlap else activities
        embeddings = self._embedding(windows, masks)
        return [WindowSpeakers(a, e.astype(np.float16)) for a, e in zip(activities, embeddings, strict=True)]

    def centroids(self, embeddings: Vector, share: float, hints: SpeakerHints) -> Vector:
        """Cluster embeddings into speakers."""
        return self._centroids.centroids(embeddings, share, hints)

    def _mask(self, activity: Activity) -> Activity:
        """Exclude overlap from each speaker's speech, unless too little remains."""
        clean = activity & (activity.sum(axis=1, keepdims=True) < 2)
        enough = clean.sum(axis=0) * self.grid.frame_step > CLEAN
        return np.where(enough, clean, activity)


def load(folder: Path, *, device: str, threads: int = 1) -> PyannoteModel:
    """Load a model's folder onto a device, with `threads` per call. Raises ModelLoadFailed."""
    config = pipeline_folder.read(folder)
    target = torch.device(device)
    segmentation = checkpoint.build(checkpoint.read(config.segmentation))
    return PyannoteModel(
        Segmentation(segmentation, step_ratio=config.step, device=target),
        _embedding(config.embedding, target, threads),
        _centroids(config),
        config,
    )


def _embedding(path: Path, device: torch.device, threads: int) -> Embedding:
    exported = [path] if path.suffix == ".onnx" else sorted(path.glob("*.onnx"))
    if exported:
        return _onnx(exported[0], threads, cuda=device.type == "cuda")
    return TorchEmbedding(checkpoint.build(checkpoint.read(path)), device=device)


def _centroids(config: PipelineFolder) -> Centroids:
    if config.clustering == "AgglomerativeClustering":
        return AgglomerativeCentroids(config.clustering_parameters, density=config.density)
    if config.plda is None:
        raise ModelLoadFailed("VBxClustering needs a plda")
    try:
        plda = parts.PLDA(config.plda / "xvec_transform.npz", config.plda / "plda.npz")
    except (OSError, KeyError, ValueError) as error:
        raise ModelLoadFailed(f"the plda cannot be read: {error!s}") from error
    return VbxCentroids(config.clustering_parameters, plda)


def _onnx(path: Path, threads: int, *, cuda: bool) -> OnnxEmbedding:
    try:
        return OnnxEmbedding(path, threads=threads, cuda=cuda)
    except OnnxFault as error:
        raise ModelLoadFailed(f"{path.name} cannot be read") from error

"""Read a pyannote pipeline folder: `config.yaml` and the files that it names below itself, without any network.

    pipeline: {name: pyannote.audio.pipelines.SpeakerDiarization, params: {segmentation: $model/segmentation,
               embedding: $model/embedding, plda: $model/plda, clustering: VBxClustering, ...}}
    params:   {clustering: {...}, segmentation: {min_duration_off: 0.0}}
    locution: {segmentation_step: 0.25}        (ours, optional)

This is the layout of pyannote's speaker-diarization-community-1 and of the 3.x pipelines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from locution_speech.engine.errors import ModelLoadFailed

CONFIG = "config.yaml"
PIPELINES = (
    "pyannote.audio.pipelines.SpeakerDiarization",
    "pyannote.audio.pipelines.speaker_diarization.SpeakerDiarization",
)
CLUSTERINGS = ("AgglomerativeClustering", "VBxClustering")
PYANNOTE_STEP = 0.1
OUR_STEP = 0.25
_PREFIX = "$model/"


@dataclass(frozen=True, slots=True)
class PipelineFolder:
    """A pipeline folder: steps as shares of a window, silence in seconds, paths below the folder."""

    segmentation: Path
    embedding: Path
    plda: Path | None
    clustering: str
    clustering_parameters: Mapping[str, Any]
    configured_step: float = PYANNOTE_STEP
    step: float = OUR_STEP
    exclude_overlap: bool = False
    min_silence: float = 0.0

    @property
    def density(self) -> float:
        """Return how many embeddings we make for each one that the configuration assumes."""
        return self.configured_step / self.step


def read(folder: Path) -> PipelineFolder:
    """Read a folder's configuration. Raises ModelLoadFailed if it is not supported."""
    try:
        config = yaml.safe_load((folder / CONFIG).read_text(encoding="utf-8"))
        return _parse(folder, config)
    except OSError as error:
        raise ModelLoadFailed(f"the model has no {CONFIG}") from error
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ModelLoadFailed(f"{CONFIG} is not a pyannote pipeline's: {error!s}") from error


def _parse(folder: Path, config: Mapping[str, Any]) -> PipelineFolder:
    pipeline, tuned = config["pipeline"], config.get("params") or {}
    params, ours = pipeline.get("params") or {}, config.get("locution") or {}
    clustering = params.get("clustering", "VBxClustering")
    if pipeline["name"] not in PIPELINES or clustering not in CLUSTERINGS:
        raise ModelLoadFailed(f"{pipeline['name']} with {clustering} is not supported")
    return PipelineFolder(
        segmentation=_below(folder, params["segmentation"]),
        embedding=_below(folder, params["embedding"]),
        plda=_below(folder, params["plda"]) if "plda" in params else None,
        clustering=clustering,
        clustering_parameters=dict(tuned["clustering"]),
        configured_step=_ratio(params.get("segmentation_step", PYANNOTE_STEP)),
        step=_ratio(ours.get("segmentation_step", OUR_STEP)),
        exclude_overlap=bool(params.get("embedding_exclude_overlap", False)),
        min_silence=float((tuned.get("segmentation") or {}).get("min_duration_off", 0.0)),
    )


def _below(folder: Path, reference: object) -> Path:
    if not isinstance(reference, str) or not reference.startswith(_PREFIX):
        raise ModelLoadFailed(f"{reference!r} is outside of the model's folder; it must begin with {_PREFIX}")
    path = folder / reference.removeprefix(_PREFIX)
    if not path.resolve().is_relative_to(folder.resolve()):
        raise ModelLoadFailed(f"{reference!r} leads out of the model's folder")
    return path


def _ratio(value: object) -> float:
    ratio = float(str(value))
    if not 0 < ratio <= 1:
        raise ValueError(f"a step of {ratio} is outside (0, 1]")
    return ratio

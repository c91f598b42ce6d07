"""Read pyannote models from disk without executing their pickles.

A folder holds either `model.safetensors` with `model.json` (written by `prepare_model`; preferred) or pyannote's own
`pytorch_model.bin`, which torch's restricted unpickler reads: tensors, plain values and four named classes, nothing
else. The architecture must be one of ARCHITECTURES; the module that the file names is never imported.
"""

from __future__ import annotations

import inspect
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from locution_speech.engine.errors import ModelLoadFailed
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch.torch_version import TorchVersion

from locution_diarizer.adapters import pyannote_parts as parts

TENSORS = "model.safetensors"
HEADER = "model.json"
PICKLE = "pytorch_model.bin"

ARCHITECTURES: Mapping[str, Any] = {
    "PyanNet": parts.PyanNet,
    "WeSpeakerResNet34": parts.WeSpeakerResNet34,
    "WeSpeakerResNet152": parts.WeSpeakerResNet152,
    "WeSpeakerResNet221": parts.WeSpeakerResNet221,
    "WeSpeakerResNet293": parts.WeSpeakerResNet293,
}
_SAFE_CLASSES: list[Any] = [parts.Specifications, parts.Resolution, parts.Problem, TorchVersion]
_TRAINING_ONLY = ("loss_func.", "validation_metric.")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The parts of one model: architecture, its arguments, its task and its tensors."""

    architecture: str
    hyperparameters: Mapping[str, Any]
    specifications: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]


def read(folder: Path) -> Checkpoint:
    """Read a model folder. Raises ModelLoadFailed if it is damaged, foreign or not allow-listed."""
    try:
        checkpoint = _read_safe(folder) if (folder / TENSORS).is_file() else _read_pickle(folder / PICKLE)
    except (OSError, ValueError, KeyError, TypeError, SafetensorError, pickle.UnpicklingError, RuntimeError) as error:
        raise ModelLoadFailed(f"the model in {folder.name!r} cannot be read: {_first_line(error)}") from error
    if checkpoint.architecture not in ARCHITECTURES:
        raise ModelLoadFailed(f"architecture {checkpoint.architecture!r} is not supported")
    return checkpoint


def read_pickle(path: Path) -> Checkpoint:
    """Read a pyannote checkpoint with the restricted unpickler. Raises ModelLoadFailed if it holds anything else."""
    try:
        return _read_pickle(path)
    except (OSError, KeyError, TypeError, pickle.UnpicklingError, RuntimeError) as error:
        raise ModelLoadFailed(f"{path.name!r} cannot be read: {_first_line(error)}") from error


def write(checkpoint: Checkpoint, folder: Path) -> None:
    """Write a checkpoint as safetensors and JSON."""
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in checkpoint.tensors.items()}, folder / TENSORS)
    (folder / TENSORS).chmod(0o644)
    header = {
        "architecture": checkpoint.architecture,
        "hyperparameters": dict(checkpoint.hyperparameters),
        "specifications": dict(checkpoint.specifications),
    }
    (folder / HEADER).write_text(json.dumps(header, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def build(checkpoint: Checkpoint) -> Any:
    """Build the pyannote model of a checkpoint, in eval mode and with all tensors loaded."""
    cls = ARCHITECTURES[checkpoint.architecture]
    accepted = inspect.signature(cls.__init__).parameters
    model = cls(**{name: value for name, value in checkpoint.hyperparameters.items() if name in accepted})
    model.specifications = _specifications(checkpoint.specifications)
    model.setup()
    try:
        model.load_state_dict(dict(checkpoint.tensors), strict=True)
    except RuntimeError as error:
        raise ModelLoadFailed(f"tensors do not fit {checkpoint.architecture}: {_first_line(error)}") from error
    return model.eval().requires_grad_(requires_grad=False)


def _read_safe(folder: Path) -> Checkpoint:
    header = json.loads((folder / HEADER).read_text(encoding="utf-8"))
    return Checkpoint(
        architecture=header["architecture"],
        hyperparameters=header["hyperparameters"],
        specifications=header["specifications"],
        tensors=load_file(folder / TENSORS),
    )


def _read_pickle(path: Path) -> Checkpoint:
    with torch.serialization.safe_globals(_SAFE_CLASSES):
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    about = loaded["pyannote.audio"]
    return Checkpoint(
        architecture=about["architecture"]["class"],
        hyperparameters=loaded["hyper_parameters"],
        specifications=_describe(about["specifications"]),
        tensors={k: v for k, v in loaded["state_dict"].items() if not k.startswith(_TRAINING_ONLY)},
    )


def _describe(task: Any) -> dict[str, Any]:
    return {
        "problem": task.problem.name,
        "resolution": task.resolution.name,
        "duration": float(task.duration),
        "min_duration": task.min_duration,
        "warm_up": list(task.warm_up or (0.0, 0.0)),
        "classes": list(task.classes) if task.classes is not None else None,
        "powerset_max_classes": task.powerset_max_classes,
        "permutation_invariant": bool(task.permutation_invariant),
    }


def _specifications(described: Mapping[str, Any]) -> Any:
    fields = dict(described)
    fields["problem"] = parts.Problem[fields["problem"]]
    fields["resolution"] = parts.Resolution[fields["resolution"]]
    fields["warm_up"] = tuple(fields["warm_up"])
    return parts.Specifications(**fields)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]

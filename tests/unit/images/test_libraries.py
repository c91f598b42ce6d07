"""The dynamic linker tells whether an image holds the libraries that its engines load."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import libraries

ROOT = Path(__file__).resolve().parents[3]


def check(accelerator: str) -> subprocess.CompletedProcess[str]:
    """Check the environment of the tests: it has torch with CUDA 13, and CTranslate2 without its CUDA 12."""
    command = [sys.executable, libraries.__file__, accelerator]
    return subprocess.run(command, capture_output=True, text=True, timeout=150, check=False)


def test_a_library_that_ctranslate2_opens_is_missed() -> None:
    done = check("cuda")
    assert done.returncode == 1
    assert "libcublas.so.12: cannot open shared object file" in done.stderr


def test_cuda_is_refused_where_it_does_not_belong() -> None:
    done = check("cpu")
    assert done.returncode == 1
    assert "/nvidia/cu13/lib/libcudart.so.13" in done.stderr
    assert done.stderr.endswith(" in an image for CPUs\n")


def test_ctranslate2_opens_cublas_alone_and_the_lock_for_gpus_brings_it() -> None:
    assert [path.name for path in libraries.opened_by_ctranslate2()] == ["libcublas.so.12"]
    assert "\nnvidia-cublas-cu12==" in (ROOT / "requirements/asr-cuda.lock").read_text(encoding="utf-8")


def test_torch_brings_every_library_that_its_own_need_on_a_gpu() -> None:
    program = "import torch, libraries; libraries.load_cuda({'torch'}); print(*libraries.loaded(), sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(libraries.__file__).parent,
        capture_output=True,
        text=True,
        timeout=150,
        check=True,
    )
    names = {Path(line).name for line in done.stdout.splitlines()}
    assert {"libtorch_cuda.so", "libtorch_cuda_linalg.so", "libcudnn.so.9", "libcusolver.so.12"} <= names

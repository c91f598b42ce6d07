"""What the build of an image removes from an environment, and what it puts in its place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import slim
from elf import OBJECT, X86_64, Stub, Symbol

FILES = (
    "numpy/tests/test_core.py",
    "numpy/linalg/tests/data.npz",
    "numpy/core.py",
    "numpy/core.pyi",
    "torch/include/ATen/ATen.h",
    "torch/bin/protoc-3.13.0.0",
    "torch/bin/ptxas",
    "torch/bin/torch_shm_manager",
    "torch/lib/libtorch_cuda_linalg.so",
    "torch/testing/__init__.py",
    "nvidia/cu13/include/cuda.h",
    "nvidia/cu13/lib/libcudart_static.a",
    "nvidia/cu13/lib/libcudart.so.13",
    "onnxruntime/capi/libonnxruntime.so.1.31.1",
    "onnxruntime/capi/onnxruntime_pybind11_state.so",
)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Give a folder of installed packages."""
    for name in FILES:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def left(site: Path) -> set[str]:
    """Return the files that are there."""
    return {str(path.relative_to(site)) for path in site.rglob("*") if path.is_file()}


def test_what_is_never_used_goes_and_a_gpus_libraries_stay(site: Path) -> None:
    slim.slim(site, cuda=True)
    assert left(site) == {
        "numpy/core.py",
        "torch/bin/ptxas",
        "torch/bin/torch_shm_manager",
        "torch/lib/libtorch_cuda_linalg.so",
        "torch/testing/__init__.py",
        "nvidia/cu13/lib/libcudart.so.13",
        "onnxruntime/capi/onnxruntime_pybind11_state.so",
    }


def test_cublas_and_its_compiler_are_linked_beside_the_library_that_opens_them(site: Path) -> None:
    found = (
        "nvidia/cublas/lib/libcublas.so.12",
        "nvidia/cublas/lib/libcublasLt.so.12",
        "nvidia/cuda_nvrtc/lib/libnvrtc.so.12",
    )
    for name in (*found, "ctranslate2.libs/own.so"):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(name)
    slim.slim(site, cuda=True)
    links = {path.name: path.read_text() for path in (site / "ctranslate2.libs").iterdir() if path.is_symlink()}
    assert links == {Path(name).name: name for name in found}


def test_without_a_gpu_its_compiler_goes_too(site: Path) -> None:
    slim.slim(site, cuda=False)
    assert "torch/bin/ptxas" not in left(site)


def test_a_file_that_is_linked_elsewhere_is_left_alone_there(tmp_path: Path) -> None:
    """A package manager may link its cache into an environment."""
    content = (Path(os.__file__).parent / "os.py").read_bytes()
    kept, linked = tmp_path / "cache", tmp_path / "lib.so"
    kept.write_bytes(_library() + content)
    kept.chmod(0o755)
    linked.hardlink_to(kept)
    slim.shrink_file(linked)
    assert kept.read_bytes().endswith(content)
    assert linked.stat().st_size < kept.stat().st_size
    assert linked.stat().st_mode & 0o777 == 0o755


def _library() -> bytes:
    return Stub("lib.so", X86_64, (Symbol("f", 2, False, False, 0),)).content()


class _Library:
    """A library of which only the symbols count."""

    machine = X86_64

    def __init__(self, *symbols: Symbol) -> None:
        self._symbols = symbols

    def symbols(self) -> list[Symbol]:
        return list(self._symbols)


def undefined(name: str, library: str = "", *, weak: bool = False) -> Symbol:
    return Symbol(name, 0, weak, False, 0, library, library)


def test_the_stub_holds_what_is_found_nowhere_else() -> None:
    function, info = Symbol("_ZN2at4cudaEv", 2, False, True, 9), Symbol("_ZTIN2at4cudaE", OBJECT, False, True, 16)
    torch_cuda = _Library(function, info, Symbol("_ZN2at6unusedEv", 2, False, True, 9))
    python = _Library(
        undefined("_ZN2at4cudaEv"),
        undefined("_ZTIN2at4cudaE"),
        undefined("_ZN2at3addEv"),
        undefined("cudaMalloc", "libcudart.so.13"),
        undefined("cuFileRead"),
        undefined("cudaGetErrorString", "libcudart.so.13"),
        undefined("memcpy", "libc.so.6"),
        undefined("PyList_New"),
        undefined("_Znwm"),
        undefined("__gmon_start__", weak=True),
    )
    cpu = _Library(Symbol("_ZN2at3addEv", 2, False, True, 9))
    stub = slim.stub_for([torch_cuda], [python, cpu])  # type: ignore[list-item]  # only symbols are read
    assert [symbol.name for symbol in stub.reporting] == ["cuFileRead", "cudaMalloc"]
    assert [symbol.name for symbol in stub.describing] == ["cudaGetErrorString"]
    assert stub.trapping == (function,)
    assert stub.objects == (info,)

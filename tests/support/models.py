"""The development models, which `make models` installs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(os.environ.get("LOCUTION_MODELS_ROOT") or Path(__file__).parents[2] / ".locution/models")


def model_folder(name: str) -> Path:
    """Return a model's folder, or skip the test if there are no models. Raises FileNotFoundError if others are there."""
    if not FOLDER.is_dir() or not any(FOLDER.iterdir()):
        pytest.skip(f"no models: {FOLDER} holds none: set LOCUTION_MODELS_ROOT or run `make models`")
    path = FOLDER / name
    if not path.is_dir():
        raise FileNotFoundError(f"{FOLDER} has no {name}")
    return path

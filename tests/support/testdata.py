"""The test data, which the repository does not hold: recordings with their references and `manifest.tsv`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(os.environ.get("LOCUTION_TESTDATA") or Path(__file__).parents[3] / "shared/testdata")


def folder() -> Path:
    """Return the folder, or skip the test if there is none."""
    if not FOLDER.is_dir():
        pytest.skip(f"no test data: {FOLDER} is not here: set LOCUTION_TESTDATA")
    return FOLDER


def recording(name: str) -> Path:
    """Return a file of the folder, or skip the test. Raises FileNotFoundError if the folder lacks it."""
    path = folder() / name
    if not path.exists():
        raise FileNotFoundError(f"{FOLDER} has no {name}")
    return path

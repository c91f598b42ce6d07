from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[4]


@pytest.fixture(scope="session")
def testdata() -> Path:
    """Give the folder of real recordings, or skip."""
    folder = Path(os.environ.get("LOCUTION_TESTDATA", REPOSITORY.parent / "shared" / "testdata"))
    if not (folder / "manifest.tsv").is_file():
        pytest.skip(f"LOCUTION_TESTDATA: no manifest.tsv in {folder}")
    return folder

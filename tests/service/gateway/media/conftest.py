from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.testdata import recording


@pytest.fixture(scope="session")
def testdata() -> Path:
    """Give the folder of real recordings, or skip."""
    return recording("manifest.tsv").parent

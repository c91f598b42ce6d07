"""The local stack's program is no distribution: it is imported from where it lies."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "deploy" / "local"))

from locution_local import ports
from locution_local.folder import StateFolder


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the caller's own stack out of the tests."""
    for name in [name for name in os.environ if name.startswith("LOCUTION_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    """Make an empty state folder."""
    made = StateFolder(tmp_path / "state")
    made.create()
    return made


ALONE = ports.Turn(True, ports.BLOCKS[:1])
"""What a command may choose from when no other one runs."""

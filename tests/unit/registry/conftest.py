"""A registry in memory, and folders on disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from locution_registry.adapters.folders import LocalFolders, local_folders

from tests.unit.registry.registry_fakes import MemoryFolders, MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    """An empty store."""
    return MemoryStore()


@pytest.fixture
def folders() -> MemoryFolders:
    """No folders yet."""
    return MemoryFolders()


@pytest.fixture
async def disk(tmp_path: Path) -> AsyncIterator[LocalFolders]:
    """The folders below the test's own models root, `tmp_path / "models"`."""
    (tmp_path / "models").mkdir()
    async with local_folders(tmp_path / "models", digest_threads=1) as opened:
        yield opened

"""The fake store does what the real one does."""

from __future__ import annotations

import pytest
from locution_registry.domain.ports import ModelStore

from tests.unit.registry.registry_fakes import MemoryStore
from tests.unit.registry.store_conformance import StoreConformance


class TestMemoryStore(StoreConformance):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()

    async def pass_time(self, store: ModelStore, seconds: float) -> None:
        assert isinstance(store, MemoryStore)
        store.clock.advance(seconds)

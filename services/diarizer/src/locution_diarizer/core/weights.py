"""Keep weights loaded while they are used, and some while they are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from locution_diarizer.domain.errors import EngineOverloaded, ModelNotUsable
from locution_diarizer.domain.models import WeightName
from locution_diarizer.domain.ports import LoadedWeight, WeightDirectory, WeightLoader, WeightRecord


@dataclass(slots=True)
class _Entry:
    weight: asyncio.Task[LoadedWeight]
    users: int = 0
    used_at: float = 0.0


@dataclass(slots=True)
class WeightPool:
    """Lend weights, each loaded once however many ask; the least recently used idle ones make room for others.

    At most `resident` weights are held. One more, while all of them are in use, is refused with EngineOverloaded.
    """

    directory: WeightDirectory
    loader: WeightLoader
    executor: Executor
    resident: int = 2
    _entries: dict[tuple[WeightName, str], _Entry] = field(default_factory=dict)

    @property
    def loaded(self) -> list[WeightName]:
        """Name the weights in memory."""
        return [name for name, _ in self._entries]

    @asynccontextmanager
    async def lease(self, name: WeightName) -> AsyncIterator[LoadedWeight]:
        """Lend a weight until the context ends."""
        record = await self.directory.get(name)
        if record.refusal is not None:
            raise ModelNotUsable(f"{name} may not be used: {record.refusal}")
        entry = self._enter(record)
        try:
            yield await asyncio.shield(entry.weight)
        finally:
            self._leave(record, entry)

    async def close(self) -> None:
        """Unload everything."""
        entries = [*self._entries.values()]
        self._entries.clear()
        await asyncio.gather(*(entry.weight for entry in entries), return_exceptions=True)

    def _enter(self, record: WeightRecord) -> _Entry:
        key = (record.name, record.checksum)
        if key not in self._entries:
            self._make_room()
            load = asyncio.get_running_loop().run_in_executor(self.executor, self.loader.load, record)
            self._entries[key] = _Entry(asyncio.ensure_future(_result(load)))
        entry = self._entries[key]
        entry.users += 1
        return entry

    def _leave(self, record: WeightRecord, entry: _Entry) -> None:
        entry.users -= 1
        entry.used_at = asyncio.get_running_loop().time()
        failed = entry.weight.done() and (entry.weight.cancelled() or entry.weight.exception() is not None)
        if failed and self._entries.get((record.name, record.checksum)) is entry:
            del self._entries[(record.name, record.checksum)]

    def _make_room(self) -> None:
        while len(self._entries) >= self.resident:
            idle = [key for key, entry in self._entries.items() if not entry.users]
            if not idle:
                raise EngineOverloaded("every loaded model is in use", retry_after=5.0)
            del self._entries[min(idle, key=lambda key: self._entries[key].used_at)]


async def _result(loading: asyncio.Future[LoadedWeight]) -> LoadedWeight:
    return await loading

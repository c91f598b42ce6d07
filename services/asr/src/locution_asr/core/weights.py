"""Keep weights loaded while they are used, and some while they are not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from locution_asr.domain.errors import EngineOverloaded, ModelNotUsable
from locution_asr.domain.models import WeightName
from locution_asr.domain.ports import LoadedWeight, WeightDirectory, WeightLoader, WeightRecord


@dataclass(slots=True)
class _Entry:
    weight: asyncio.Task[LoadedWeight]
    reserved: int
    users: int = 0
    used_at: float = 0.0

    @property
    def memory(self) -> int:
        done = self.weight.done() and not self.weight.cancelled() and not self.weight.exception()
        return self.weight.result().memory if done else self.reserved


@dataclass(slots=True)
class WeightPool:
    """Lend weights, each loaded once however many ask; the least recently used idle ones make room for others.

    At most `resident` weights of at most `memory` bytes together are held. A weight that would exceed that while
    all others are in use is refused with EngineOverloaded.
    """

    directory: WeightDirectory
    loader: WeightLoader
    executor: Executor
    resident: int = 2
    memory: int | None = None
    _entries: dict[tuple[WeightName, str], _Entry] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

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
        entry = await self._enter(record)
        try:
            loaded = await asyncio.shield(entry.weight)
            yield LoadedWeight(record, loaded.recogniser, loaded.batch_size, loaded.memory, loaded.device)
        finally:
            self._leave(record, entry)

    async def close(self) -> None:
        """Unload everything."""
        async with self._lock:
            for key in list(self._entries):
                await self._unload(key)

    async def _enter(self, record: WeightRecord) -> _Entry:
        key = (record.name, record.checksum)
        async with self._lock:
            if key not in self._entries:
                await self._make_room(record)
                load = asyncio.get_running_loop().run_in_executor(self.executor, self.loader.load, record)
                self._entries[key] = _Entry(asyncio.ensure_future(_result(load)), record.size)
            entry = self._entries[key]
            entry.users += 1
            return entry

    def _leave(self, record: WeightRecord, entry: _Entry) -> None:
        entry.users -= 1
        entry.used_at = asyncio.get_running_loop().time()
        failed = entry.weight.done() and (entry.weight.cancelled() or entry.weight.exception() is not None)
        if failed and self._entries.get((record.name, record.checksum)) is entry:
            del self._entries[(record.name, record.checksum)]

    async def _make_room(self, record: WeightRecord) -> None:
        while self._entries and not self._fits(record):
            idle = [key for key, entry in self._entries.items() if not entry.users]
            if not idle:
                raise EngineOverloaded("every loaded model is in use", retry_after=5.0)
            await self._unload(min(idle, key=lambda key: self._entries[key].used_at))

    def _fits(self, record: WeightRecord) -> bool:
        if len(self._entries) >= self.resident:
            return False
        used = sum(entry.memory for entry in self._entries.values())
        return self.memory is None or used + record.size <= self.memory

    async def _unload(self, key: tuple[WeightName, str]) -> None:
        entry = self._entries.pop(key)
        loaded = (await asyncio.gather(entry.weight, return_exceptions=True))[0]
        if isinstance(loaded, LoadedWeight):
            await asyncio.get_running_loop().run_in_executor(self.executor, self.loader.unload, loaded)


async def _result(loading: asyncio.Future[LoadedWeight]) -> LoadedWeight:
    return await loading

"""Keep models loaded while they are leased, and some idle ones as well."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from locution_common.errors import Reason, Refused

from .models import ModelName, ModelRecord

RETRY_SECONDS = 5.0


class Loaded(Protocol):
    """A model of `memory` bytes in memory."""

    @property
    def memory(self) -> int: ...


R = TypeVar("R", bound=ModelRecord)
R_co = TypeVar("R_co", bound=ModelRecord, covariant=True)
R_contra = TypeVar("R_contra", bound=ModelRecord, contravariant=True)
L = TypeVar("L", bound=Loaded)


class ModelDirectory(Protocol[R_co]):
    """Knows which models are usable."""

    async def get(self, name: ModelName) -> R_co:
        """Return the record. Refuses with MODEL_NOT_FOUND, MODEL_NOT_USABLE or DependencyUnavailable."""
        ...


class ModelLoader(Protocol[R_contra, L]):
    """Loads models."""

    def load(self, record: R_contra) -> L:
        """Load the model into the device's memory. Blocks.

        Raises ModelPathInvalid or ModelLoadFailed; refuses with MODEL_CHECKSUM_MISMATCH.
        """
        ...

    def renewed(self, model: L, record: R_contra) -> L:
        """Return the loaded model with its current record."""
        ...

    def unload(self, model: L) -> None:
        """Free the model's memory; no caller uses it any more. Blocks."""
        ...


@dataclass(slots=True)
class _Entry(Generic[L]):
    model: asyncio.Task[L]
    reserved: int
    users: int = 0
    used_at: float = 0.0

    @property
    def memory(self) -> int:
        done = self.model.done() and not self.model.cancelled() and not self.model.exception()
        return self.model.result().memory if done else self.reserved


@dataclass(slots=True)
class ModelPool(Generic[R, L]):
    """Lease models, each loaded once for all callers; the least recently used idle ones make room for others.

    It holds at most `resident` models of at most `memory` bytes together. If all others are in use, a model beyond
    these limits is refused with ENGINE_OVERLOADED.
    """

    directory: ModelDirectory[R]
    loader: ModelLoader[R, L]
    executor: Executor
    resident: int = 2
    memory: int | None = None
    _entries: dict[tuple[ModelName, str], _Entry[L]] = field(default_factory=dict)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def loaded(self) -> list[ModelName]:
        """Return the names of the models in memory."""
        return [name for name, _ in list(self._entries)]

    @property
    def used(self) -> int:
        """Return the bytes of the models in memory; those of one that is being loaded are the registry's."""
        return sum(entry.memory for entry in list(self._entries.values()))

    @asynccontextmanager
    async def lease(self, name: ModelName) -> AsyncIterator[L]:
        """Lease a model until the context ends.

        Raises what the directory and the loader raise, MODEL_NOT_USABLE and ENGINE_OVERLOADED.
        """
        record = await self.directory.get(name)
        if record.refusal is not None:
            raise Refused(Reason.MODEL_NOT_USABLE, f"{name} is not usable: {record.refusal}")
        entry = await self._enter(record)
        try:
            yield self.loader.renewed(await asyncio.shield(entry.model), record)
        finally:
            self._leave(record, entry)

    async def close(self) -> None:
        """Unload everything."""
        async with self._lock:
            for key in list(self._entries):
                await self._unload(key)

    async def _enter(self, record: R) -> _Entry[L]:
        key = (record.name, record.checksum)
        async with self._lock:
            if key not in self._entries:
                await self._make_room(record)
                load = asyncio.get_running_loop().run_in_executor(self.executor, self.loader.load, record)
                self._entries[key] = _Entry(asyncio.ensure_future(_result(load)), record.size)
            entry = self._entries[key]
            entry.users += 1
            return entry

    def _leave(self, record: R, entry: _Entry[L]) -> None:
        entry.users -= 1
        entry.used_at = asyncio.get_running_loop().time()
        failed = entry.model.done() and (entry.model.cancelled() or entry.model.exception() is not None)
        if failed and self._entries.get((record.name, record.checksum)) is entry:
            del self._entries[(record.name, record.checksum)]

    async def _make_room(self, record: R) -> None:
        while self._entries and not self._fits(record):
            idle = [key for key, entry in self._entries.items() if not entry.users]
            if not idle:
                raise Refused(Reason.ENGINE_OVERLOADED, "every loaded model is in use", retry_after=RETRY_SECONDS)
            await self._unload(min(idle, key=lambda key: self._entries[key].used_at))

    def _fits(self, record: R) -> bool:
        if len(self._entries) >= self.resident:
            return False
        return self.memory is None or self.used + record.size <= self.memory

    async def _unload(self, key: tuple[ModelName, str]) -> None:
        entry = self._entries.pop(key)
        loaded = (await asyncio.gather(entry.model, return_exceptions=True))[0]
        if not isinstance(loaded, BaseException):
            await asyncio.get_running_loop().run_in_executor(self.executor, self.loader.unload, loaded)


async def _result(loading: asyncio.Future[L]) -> L:
    return await loading

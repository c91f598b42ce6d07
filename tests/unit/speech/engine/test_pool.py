"""The pool: one load however many ask, idle models make room, faults do not stick."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import pytest
from locution_common.errors import Reason
from locution_speech.engine.errors import ModelLoadFailed
from locution_speech.engine.models import ModelName, ModelRecord
from locution_speech.engine.pool import ModelPool

from tests.support.refusals import refusal


@dataclass(frozen=True)
class Model:
    """A model in memory."""

    record: ModelRecord
    memory: int


Pool = ModelPool[ModelRecord, Model]


@dataclass
class Directory:
    refusal: str | None = None
    size: int = 100

    async def get(self, name: ModelName) -> ModelRecord:
        return ModelRecord(name, "0" * 64, self.size, self.refusal, ())


@dataclass
class Loader:
    memory: int = 100
    loads: list[str] = field(default_factory=list)
    unloads: list[str] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()

    def load(self, record: ModelRecord) -> Model:
        assert self.gate.wait(60)
        self.loads.append(record.name)
        if self.faults:
            raise self.faults.pop()
        return Model(record, self.memory)

    def renewed(self, model: Model, record: ModelRecord) -> Model:
        return replace(model, record=record)

    def unload(self, model: Model) -> None:
        self.unloads.append(model.record.name)


@asynccontextmanager
async def pooled(loader: Loader, *, resident: int = 2, memory: int | None = None) -> AsyncIterator[Pool]:
    with ThreadPoolExecutor(1) as executor:
        yield ModelPool(Directory(), loader, executor, resident, memory)


async def use(pool: Pool, *names: str) -> None:
    for name in names:
        async with pool.lease(ModelName(name)):
            pass


async def test_many_callers_share_one_load() -> None:
    loader = Loader()
    async with pooled(loader) as pool:
        await asyncio.gather(*(use(pool, "s/a") for _ in range(20)))
    assert loader.loads == ["s/a"]


async def test_the_least_recently_used_idle_model_makes_room() -> None:
    loader = Loader()
    async with pooled(loader) as pool:
        await use(pool, "s/a", "s/b", "s/a", "s/c")
        assert loader.unloads == ["s/b"]
        assert sorted(pool.loaded) == ["s/a", "s/c"]


async def test_memory_limits_what_is_resident() -> None:
    loader = Loader(memory=100)
    async with pooled(loader, resident=10, memory=250) as pool:
        await use(pool, "s/a", "s/b", "s/c")
        assert sorted(pool.loaded) == ["s/b", "s/c"]


async def test_models_in_use_are_never_unloaded() -> None:
    loader = Loader()
    async with pooled(loader, resident=1) as pool, pool.lease(ModelName("s/a")):
        with refusal(Reason.ENGINE_OVERLOADED) as refused:
            await use(pool, "s/b")
        assert refused.value.retry_after
        assert loader.unloads == []


async def test_a_load_that_failed_is_tried_again() -> None:
    loader = Loader(faults=[ModelLoadFailed("no")])
    async with pooled(loader) as pool:
        with pytest.raises(ModelLoadFailed):
            await use(pool, "s/a")
        await use(pool, "s/a")
    assert loader.loads == ["s/a", "s/a"]


async def test_a_caller_that_leaves_does_not_stop_the_load_of_the_others() -> None:
    loader = Loader()
    loader.gate.clear()
    async with pooled(loader) as pool:
        tasks = [asyncio.create_task(use(pool, "s/a")) for _ in range(2)]
        await asyncio.sleep(0.01)
        tasks[0].cancel()
        loader.gate.set()
        await tasks[1]
    assert loader.loads == ["s/a"]


async def test_a_model_that_may_not_be_used_is_refused_with_the_reason() -> None:
    with ThreadPoolExecutor(1) as executor:
        pool: Pool = ModelPool(Directory(refusal="withdrawn"), Loader(), executor)
        with refusal(Reason.MODEL_NOT_USABLE, match="withdrawn"):
            await use(pool, "s/a")


async def test_closing_unloads_everything() -> None:
    loader = Loader()
    async with pooled(loader) as pool:
        await use(pool, "s/a", "s/b")
        await pool.close()
        unloaded: Sequence[str] = sorted(loader.unloads)
    assert unloaded == ["s/a", "s/b"]


async def test_a_lease_says_what_the_registry_says_now() -> None:
    loader, directory = Loader(), Directory()
    with ThreadPoolExecutor(1) as executor:
        pool: Pool = ModelPool(directory, loader, executor)
        async with pool.lease(ModelName("s/a")) as first:
            pass
        directory.size = 200
        async with pool.lease(ModelName("s/a")) as second:
            assert (first.record.size, second.record.size) == (100, 200)
    assert loader.loads == ["s/a"]

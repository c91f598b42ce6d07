"""A stream that is broken off leaves nothing to the garbage collector."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing

import pytest
from locution_asr.core.stream import stream


class Audio:
    """What a section holds."""


@pytest.fixture
async def uncollected() -> AsyncIterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("uncollected")
async def test_what_a_cancelled_section_held_is_freed_with_it() -> None:
    held: list[weakref.ref[Audio]] = []

    async def run(emit: Callable[[str], Awaitable[None]]) -> None:
        audio = Audio()
        held.append(weakref.ref(audio))
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.Event().wait())
            await emit("started")
            await asyncio.Event().wait()
        del audio

    async with aclosing(stream(run)) as events:
        assert await anext(events) == "started"
    await asyncio.sleep(0)
    assert [audio() for audio in held] == [None]


async def test_a_fault_reaches_the_reader_with_its_frames() -> None:
    async def run(emit: Callable[[str], Awaitable[None]]) -> None:
        await emit("started")
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug") as raised:
        assert [event async for event in stream(run)] == ["started"]
    assert "run" in [entry.name for entry in raised.traceback]


async def test_a_reader_that_rests_stops_the_work() -> None:
    emitted: list[int] = []

    async def run(emit: Callable[[int], Awaitable[None]]) -> None:
        for number in range(100):
            await emit(number)
            emitted.append(number)

    async with aclosing(stream(run, ahead=4)) as events:
        assert await anext(events) == 0
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(emitted) <= 5

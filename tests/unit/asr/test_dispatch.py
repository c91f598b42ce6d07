"""The dispatcher: batches fill, cancelled requests vanish, faults reach their callers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import pytest
from locution_asr.core.decode import Attempt, DecodeRequest, decode
from locution_asr.core.dispatch import Decoding
from locution_speech.engine.dispatch import Dispatcher
from locution_speech.engine.queue import WindowQueue

from tests.unit.asr.fakes import FakeRecogniser, Unobserved, request

COST = (30 + 1) / 2  # what the encoder takes, and what the decoder hears


@asynccontextmanager
async def dispatching(
    slots: int = 1, work: Callable[[Sequence[DecodeRequest]], list[Attempt]] = decode
) -> AsyncIterator[Decoding]:
    with ThreadPoolExecutor(slots) as executor:
        yield Dispatcher(WindowQueue(), work, executor, slots, Unobserved())


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await asyncio.sleep(0.001)


async def test_jobs_of_many_callers_share_a_batch() -> None:
    recogniser = FakeRecogniser()
    async with dispatching() as dispatcher:
        served = await asyncio.gather(*(dispatcher.submit(request(recogniser, flow=str(i))) for i in range(8)))
    assert recogniser.batches == [4, 4]
    assert [item.result.batch_size for item in served] == [4] * 8
    assert all(item.waited >= 0 for item in served)


async def test_a_cancelled_caller_frees_its_place_in_the_queue() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with dispatching() as dispatcher:
        running = asyncio.create_task(dispatcher.submit(request(recogniser, beam=1)))
        await until(lambda: dispatcher.running == 1)
        waiting = [asyncio.create_task(dispatcher.submit(request(recogniser))) for _ in range(3)]
        await until(lambda: dispatcher.queued_cost == 3 * COST)
        for task in waiting[:2]:
            task.cancel()
        await asyncio.gather(*waiting[:2], return_exceptions=True)
        assert dispatcher.queued_cost == COST
        recogniser.gate.set()
        await asyncio.gather(running, waiting[2])
    assert recogniser.batches == [1, 1]


async def test_a_caller_cancelled_in_a_running_batch_does_not_disturb_the_others() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with dispatching() as dispatcher:
        tasks = [asyncio.create_task(dispatcher.submit(request(recogniser))) for _ in range(2)]
        await until(lambda: dispatcher.running == 1)
        tasks[0].cancel()
        recogniser.gate.set()
        assert (await tasks[1]).result.reason is None
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]


async def test_no_more_batches_run_than_there_are_slots() -> None:
    recogniser = FakeRecogniser()
    recogniser.gate.clear()
    async with dispatching(slots=2) as dispatcher:
        tasks = [asyncio.create_task(dispatcher.submit(request(recogniser))) for _ in range(12)]
        await until(lambda: dispatcher.running == 2)
        assert dispatcher.queued_cost == 4 * COST
        recogniser.gate.set()
        await asyncio.gather(*tasks)
    assert dispatcher.running == 0
    assert dispatcher.queued_cost == 0


async def test_a_fault_of_ours_reaches_every_caller_and_frees_the_slot() -> None:
    faults = [ValueError("a bug")]

    def work(requests: Sequence[DecodeRequest]) -> list[Attempt]:
        if faults:
            raise faults.pop()
        return decode(requests)

    async with dispatching(work=work) as dispatcher:
        recogniser = FakeRecogniser()
        results = await asyncio.gather(
            *(dispatcher.submit(request(recogniser)) for _ in range(2)), return_exceptions=True
        )
        assert [type(result) for result in results] == [ValueError, ValueError]
        assert (await dispatcher.submit(request(recogniser))).result.reason is None

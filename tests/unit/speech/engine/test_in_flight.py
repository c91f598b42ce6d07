"""Windows under way: as many as the engine decodes, shared by the sections that are open."""

from __future__ import annotations

import asyncio

from locution_speech.engine.in_flight import BATCHES, LEAST, Allowance, InFlightLimiter


async def taken(allowance: Allowance) -> int:
    """Take windows until one has to wait; return how many began."""
    count = 0
    while True:
        task = asyncio.ensure_future(allowance.take())
        await asyncio.sleep(0)
        if not task.done():
            task.cancel()
            return count
        count += 1


async def test_a_section_alone_fills_every_slot_some_batches_ahead() -> None:
    with InFlightLimiter(slots=2).section(batch_size=4) as allowance:
        assert await taken(allowance) == BATCHES * 2 * 4


async def test_many_sections_have_no_more_together_but_never_less_than_a_few_each() -> None:
    limiter = InFlightLimiter(slots=2)
    with limiter.section(4) as one, limiter.section(4) as two:
        assert await taken(one) + await taken(two) == BATCHES * 2 * 4
        with limiter.section(1) as small:
            assert await taken(small) == max(LEAST, BATCHES * 2 // 3)


async def test_a_window_begins_when_another_of_its_section_ends() -> None:
    with InFlightLimiter(slots=1).section(1) as allowance:
        await taken(allowance)
        waiting = asyncio.create_task(allowance.take())
        await asyncio.sleep(0)
        assert not waiting.done()
        allowance.give_back()
        await asyncio.wait_for(waiting, 30)


async def test_a_window_begins_when_another_section_ends() -> None:
    limiter = InFlightLimiter(slots=1)
    with limiter.section(2) as allowance:
        with limiter.section(2):
            await taken(allowance)
            waiting = asyncio.create_task(allowance.take())
            await asyncio.sleep(0)
            assert not waiting.done()
        await asyncio.wait_for(waiting, 30)
    assert limiter.sections == 0

"""Admission: a limit, a time to retry, and a drain that ends."""

from __future__ import annotations

import asyncio

import pytest
from locution_common.errors import Reason
from locution_speech.engine.admission import Admission

from tests.support.refusals import refusal


async def test_beyond_the_limit_a_section_is_refused_with_the_backlog_as_its_wait() -> None:
    admission = Admission(1, lambda: 12.5)
    with admission.admit(), refusal(Reason.ENGINE_OVERLOADED) as refused:
        await asyncio.create_task(_admitted(admission))
    assert refused.value.retry_after == 12.5
    assert admission.sections == 0


async def _admitted(admission: Admission) -> None:
    with admission.admit():
        pass


@pytest.mark.parametrize(("backlog", "wait"), [(0.0, 1.0), (1e6, 30.0)])
async def test_the_time_to_retry_is_bounded(backlog: float, wait: float) -> None:
    with refusal(Reason.ENGINE_OVERLOADED) as refused, Admission(0, lambda: backlog).admit():
        pass
    assert refused.value.retry_after == wait


async def test_a_drain_refuses_new_sections_and_waits_for_the_others() -> None:
    admission, go = Admission(5, lambda: 0.0), asyncio.Event()

    async def section() -> None:
        with admission.admit():
            await go.wait()

    task = asyncio.create_task(section())
    await asyncio.sleep(0)
    draining = asyncio.create_task(admission.drain(5.0))
    await asyncio.sleep(0)
    with refusal(Reason.ENGINE_DRAINING), admission.admit():
        pass
    go.set()
    assert await draining == 0
    await task


async def test_what_outlives_the_grace_ends_as_draining() -> None:
    admission = Admission(5, lambda: 0.0)

    async def section() -> None:
        with admission.admit():
            await asyncio.Event().wait()

    task = asyncio.create_task(section())
    await asyncio.sleep(0)
    assert await admission.drain(0.01) == 1
    admission.abort()
    with refusal(Reason.ENGINE_DRAINING):
        await task


async def test_a_client_that_goes_away_is_no_drain() -> None:
    admission = Admission(5, lambda: 0.0)

    async def section() -> None:
        with admission.admit():
            await asyncio.Event().wait()

    task = asyncio.create_task(section())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert admission.sections == 0

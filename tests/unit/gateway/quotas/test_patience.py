"""How refusals of a flood are held back, on a clock that the test moves."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest
from locution_gateway.platform.principal import TenantId
from locution_gateway.quotas.patience import ANSWERED, AT_ONCE, LEAST_PAUSE, MOST_PAUSE, SPREAD, Patience

from tests.support.clock import ManualClock

FLOODING = TenantId(UUID(int=1))
OTHER = TenantId(UUID(int=2))
ROOM = 1000


class Holding(ManualClock):
    """A clock on which whoever sleeps stays asleep until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.asked.append(seconds)
        await self.over.wait()


async def hold(patience: Patience, calls: int) -> list[asyncio.Task[None]]:
    held = [asyncio.create_task(patience.hold(FLOODING)) for _ in range(calls)]
    await asyncio.sleep(0)
    return held


def test_the_first_refusals_of_a_second_come_at_once() -> None:
    clock = ManualClock()
    patience = Patience(clock, ROOM)
    assert [patience.floods(FLOODING) for _ in range(AT_ONCE + 2)] == [False] * AT_ONCE + [True, True]
    assert not patience.floods(OTHER)
    clock.advance(1.0)
    assert not patience.floods(FLOODING)


@pytest.mark.parametrize(("calls", "pause"), [(1, LEAST_PAUSE), (100, 100 / ANSWERED), (900, MOST_PAUSE)])
async def test_the_more_calls_wait_the_longer_they_wait(calls: int, pause: float) -> None:
    clock = Holding()
    patience = Patience(clock, ROOM)
    held = await hold(patience, calls)
    assert patience.pause(FLOODING) == pause
    assert patience.pause(OTHER) == LEAST_PAUSE
    assert all(LEAST_PAUSE * SPREAD[0] <= asked <= pause * SPREAD[1] for asked in clock.asked)
    assert calls == 1 or len(set(clock.asked)) > calls / 2
    clock.over.set()
    await asyncio.gather(*held)
    assert patience.pause(FLOODING) == LEAST_PAUSE


async def test_without_room_refusals_come_at_once_again() -> None:
    clock = Holding()
    patience = Patience(clock, 2)
    held = await hold(patience, 2)
    assert not any(patience.floods(FLOODING) for _ in range(AT_ONCE * 2))
    clock.over.set()
    await asyncio.gather(*held)
    assert patience.floods(FLOODING)

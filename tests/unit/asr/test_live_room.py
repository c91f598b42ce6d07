"""Live windows find room: a slot that files leave free, or a batch of files that ends within half a second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from locution_asr.core.decode import DecodeRequest, decode
from locution_asr.core.dispatch import LIVE_MEMORY, LONGEST_WAIT, Decoding, KeepRoomForLive
from locution_asr.domain.models import WINDOW_SECONDS
from locution_speech.engine.dispatch import Dispatcher, Load
from locution_speech.engine.models import Flow, FlowKey, TrafficClass
from locution_speech.engine.queue import UNLIMITED, Room, WindowQueue

from tests.unit.asr.fakes import FakeRecogniser, Unobserved, request
from tests.unit.asr.test_dispatch import until

LIVE, FILE = TrafficClass.LIVE, TrafficClass.FILE
NOON = 1000.0


def load(now: float = NOON, *, slots: int = 3, files: int = 0, pace: float = 0.01) -> Load:
    return Load(now, waiting=100, cost=3000.0, free=slots - files, slots=slots, files=files, pace=pace)


def awaiting_live() -> KeepRoomForLive:
    sharing = KeepRoomForLive()
    sharing.note(LIVE, NOON)
    return sharing


def test_without_live_windows_files_take_every_slot_in_full() -> None:
    sharing = KeepRoomForLive()
    sharing.note(FILE, NOON)
    assert sharing.room(load(files=2)) == UNLIMITED


@pytest.mark.parametrize(("files", "room"), [(0, UNLIMITED), (1, UNLIMITED), (2, Room(files=0))])
def test_while_live_windows_come_files_leave_one_slot_free(files: int, room: Room) -> None:
    assert awaiting_live().room(load(files=files)) == room


def test_files_have_all_slots_again_when_no_live_window_came_for_a_while() -> None:
    sharing = awaiting_live()
    assert sharing.again() == NOON + LIVE_MEMORY
    assert sharing.room(load(NOON + LIVE_MEMORY - 0.01, files=2)) == Room(files=0)
    assert sharing.room(load(NOON + LIVE_MEMORY, files=2)) == UNLIMITED


def test_where_a_full_batch_takes_as_long_as_its_windows_no_slot_takes_more_than_its_share() -> None:
    sharing = KeepRoomForLive(even=True)
    assert sharing.room(load(slots=2)) == Room(cost=1500.0)
    sharing.note(LIVE, NOON)
    assert sharing.room(load(slots=2, files=1)) == Room(files=0, cost=1500.0)


@pytest.mark.parametrize("pace", [0.0005, 0.001, 0.004, 0.016])
def test_on_the_only_slot_a_batch_of_files_ends_within_half_a_second(pace: float) -> None:
    most = awaiting_live().room(load(slots=1, pace=pace)).files
    assert most is not None
    assert most * WINDOW_SECONDS * pace <= LONGEST_WAIT == 0.5
    assert (most + 1) * WINDOW_SECONDS * pace > LONGEST_WAIT


def test_while_a_live_stream_is_open_files_have_every_slot_for_short_batches() -> None:
    sharing = KeepRoomForLive()
    with sharing.stream():
        most = sharing.room(load(files=2, pace=0.004)).files
        assert most is not None
        assert most * WINDOW_SECONDS * 0.004 <= LONGEST_WAIT
        sharing.note(LIVE, NOON)
        assert sharing.room(load(files=2)) == Room(files=0)
    assert sharing.room(load(NOON + LIVE_MEMORY)) == UNLIMITED


def test_on_a_slow_only_slot_files_still_go_one_by_one() -> None:
    assert awaiting_live().room(load(slots=1, pace=1.0)) == Room(files=1)


@asynccontextmanager
async def dispatching(slots: int, recogniser: FakeRecogniser) -> AsyncIterator[Decoding]:
    recogniser.gate.clear()
    with ThreadPoolExecutor(slots) as executor:
        try:
            yield Dispatcher(WindowQueue(), decode, executor, slots, Unobserved(), sharing=KeepRoomForLive())
        finally:
            recogniser.gate.set()


def live(recogniser: FakeRecogniser) -> DecodeRequest:
    return replace(request(recogniser), flow=Flow(FlowKey("live"), traffic=LIVE))


async def test_a_live_window_starts_at_once_beside_a_backlog_of_files() -> None:
    recogniser, speaking = FakeRecogniser(), FakeRecogniser()
    speaking.gate.clear()
    async with dispatching(2, recogniser) as dispatcher:
        first = asyncio.create_task(dispatcher.submit(live(speaking)))
        await until(lambda: dispatcher.running == 1)
        files = [asyncio.create_task(dispatcher.submit(request(recogniser, flow=str(i)))) for i in range(20)]
        await until(lambda: dispatcher.running == 2)
        assert dispatcher.waiting == 16
        speaking.gate.set()
        await first
        await dispatcher.submit(live(speaking))
        assert (dispatcher.running, dispatcher.waiting) == (1, 16), "it went before files that waited longer"
        for task in files:
            task.cancel()
        await asyncio.gather(*files, return_exceptions=True)

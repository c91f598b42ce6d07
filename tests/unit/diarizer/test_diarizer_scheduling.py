"""The diarizer's windows in the common queue and dispatcher, and how a section is heard through them."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from locution_common.errors import Reason
from locution_diarizer.core.diarize import DiarizeSection
from locution_diarizer.core.dispatch import Analysing, EvenShares, WindowRequest, analyse
from locution_diarizer.domain.models import WindowSpeakers
from locution_diarizer.domain.ports import LoadedModel
from locution_speech.engine.dispatch import Dispatcher
from locution_speech.engine.in_flight import InFlightLimiter
from locution_speech.engine.models import Flow, FlowKey, ModelName, ModelRecord, TrafficClass
from locution_speech.engine.queue import Room, WindowQueue
from locution_speech.pcm import Chunk, Samples

from tests.support.refusals import refusal
from tests.unit.diarizer.sections import GRID, OneHotModel

POISON = 0.5


class FakeModel(OneHotModel):
    """Keeps the size of its batches, waits when told to, and fails on poison."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[int] = []
        self.heard: list[float] = []
        self.gate = threading.Event()
        self.gate.set()

    def analyse(self, windows: Sequence[Samples]) -> list[Any]:
        self.gate.wait(60)
        self.batches.append(len(windows))
        if any(window[0] == POISON for window in windows):
            raise RuntimeError("poison")
        self.heard += [float(window[0]) for window in windows]
        silent = WindowSpeakers(np.zeros((GRID.frames, 3), np.bool_), np.full((3, 4), np.nan, np.float16))
        return [silent] * len(windows)


class Deaf:
    """Takes no note."""

    def section(self, *_: object) -> None: ...
    def batch(self, *_: object) -> None: ...
    def clustered(self, *_: object) -> None: ...


def record(name: str = "pyannote/x", refusal: str | None = None, checksum: str = "c") -> ModelRecord:
    return ModelRecord(ModelName(name), checksum, 1, refusal, ())


def loaded(fake: FakeModel, batch_size: int = 4) -> LoadedModel:
    return LoadedModel(record(), fake, "cpu", batch_size)


def request(
    model: LoadedModel, value: float = 0.0, *, key: str = "a", live: bool = False, share: int = 1
) -> WindowRequest:
    traffic = TrafficClass.LIVE if live else TrafficClass.FILE
    return WindowRequest(Flow(FlowKey(key), share, traffic), model, np.full(GRID.size, value, np.float32))


@pytest.fixture
async def fake() -> AsyncIterator[FakeModel]:
    made = FakeModel()
    yield made
    made.gate.set()


@pytest.fixture
async def executor() -> AsyncIterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as threads:
        yield threads


def dispatcher(executor: ThreadPoolExecutor, slots: int = 1) -> Analysing:
    queue: WindowQueue[WindowRequest] = WindowQueue()
    return Dispatcher(queue, analyse, executor, slots, Deaf(), sharing=EvenShares())


def order(queue: WindowQueue[WindowRequest], count: int) -> list[str]:
    return [item.flow.key for _ in range(count) for item in queue.take(0.0, Room(1, 1))]


def test_live_goes_before_file_and_flows_take_turns(fake: FakeModel) -> None:
    queue: WindowQueue[WindowRequest] = WindowQueue()
    model = loaded(fake)
    for key in ("a", "a", "a", "b", "b"):
        queue.push(request(model, key=key))
    queue.push(request(model, key="live", live=True))
    assert order(queue, 5) == ["live", "a", "b", "a", "b"]


def test_a_heavier_flow_gets_more(fake: FakeModel) -> None:
    queue: WindowQueue[WindowRequest] = WindowQueue()
    model = loaded(fake)
    for _ in range(12):
        queue.push(request(model, key="heavy", share=3))
        queue.push(request(model, key="light"))
    assert order(queue, 12).count("heavy") == 9


def test_a_batch_holds_windows_of_one_model(fake: FakeModel) -> None:
    queue: WindowQueue[WindowRequest] = WindowQueue()
    one, other = loaded(fake), loaded(FakeModel())
    for model in (one, other, one):
        queue.push(request(model))
    assert [item.model for item in queue.take(0.0)] == [one, one]


async def test_windows_of_several_callers_share_batches(fake: FakeModel, executor: ThreadPoolExecutor) -> None:
    serving, model = dispatcher(executor), loaded(fake)
    served = await asyncio.gather(*(serving.submit(request(model, i / 100, key=str(i % 3))) for i in range(8)))
    assert fake.batches == [4, 4]
    assert {item.batch_size for item in served} == {4}
    assert sorted(fake.heard) == pytest.approx([i / 100 for i in range(8)])


async def test_free_slots_share_what_waits(fake: FakeModel, executor: ThreadPoolExecutor) -> None:
    serving, model = dispatcher(executor, slots=2), loaded(fake)
    await asyncio.gather(*(serving.submit(request(model)) for _ in range(4)))
    assert sorted(fake.batches) == [2, 2]


async def test_a_poison_window_fails_alone(fake: FakeModel, executor: ThreadPoolExecutor) -> None:
    serving, model = dispatcher(executor), loaded(fake)
    requests = [request(model), request(model, POISON), request(model)]
    results = await asyncio.gather(*(serving.submit(item) for item in requests), return_exceptions=True)
    assert [getattr(result, "reason", None) for result in results] == [None, Reason.INFERENCE_FAILED, None]


async def test_a_cancelled_window_leaves_the_queue(fake: FakeModel, executor: ThreadPoolExecutor) -> None:
    serving, model = dispatcher(executor), loaded(fake, batch_size=1)
    fake.gate.clear()
    first = asyncio.create_task(serving.submit(request(model, 0.1)))
    async with asyncio.timeout(30):
        while not serving.running:
            await asyncio.sleep(0)
        second = asyncio.create_task(serving.submit(request(model, 0.2)))
        while not serving.waiting:
            await asyncio.sleep(0)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert serving.waiting == 0
    fake.gate.set()
    await first
    await serving.settle()
    assert fake.heard == pytest.approx([0.1])


async def chunks(seconds: int) -> AsyncIterator[Chunk]:
    for at in range(seconds):
        yield Chunk(at * 16_000, bytes(32_000))


async def test_reading_waits_while_enough_windows_are_under_way(fake: FakeModel, executor: ThreadPoolExecutor) -> None:
    read = 0

    async def counted() -> AsyncIterator[Chunk]:
        nonlocal read
        async for chunk in chunks(60):
            read += 1
            yield chunk

    fake.gate.clear()
    with InFlightLimiter(slots=1).section(batch_size=1) as allowance:
        section = DiarizeSection(dispatcher(executor), loaded(fake), Flow(FlowKey("a")), 16_000 * 100, allowance)
        run = asyncio.create_task(_ends(section, counted()))
        await asyncio.sleep(0.1)
        assert read < 25
        fake.gate.set()
        ends = await run
    assert read == 60
    assert ends == sorted(ends)
    assert ends[-1] == 60 * 16_000
    assert section.timings.windows == 21


async def _ends(section: DiarizeSection, source: AsyncIterator[Chunk]) -> list[int]:
    return [end async for end in section.run(source)]


async def test_a_section_beyond_the_limit_leaves_no_windows_behind(
    fake: FakeModel, executor: ThreadPoolExecutor
) -> None:
    serving = dispatcher(executor)
    with InFlightLimiter(slots=1).section(batch_size=1) as allowance, refusal(Reason.AUDIO_TOO_LONG):
        await _ends(DiarizeSection(serving, loaded(fake), Flow(FlowKey("a")), 16_000 * 30, allowance), chunks(31))
    assert serving.waiting == 0
    await serving.settle()
